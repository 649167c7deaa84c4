-- The income statement (compte de résultat) of every fiscal year by account, beside the former fiscal year.
{{ pennylane_income_statement(by_month=false) }}
