-- The income statement (compte de résultat) of every month by account, beside the same month of the year before.
{{ pennylane_income_statement(by_month=true) }}
