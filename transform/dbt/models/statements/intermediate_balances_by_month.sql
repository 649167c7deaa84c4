-- The soldes intermédiaires de gestion of every month, beside the same month of the year before.
{{ pennylane_intermediate_balances(ref('income_statement_by_month'), ['fiscal_year_start', 'fiscal_year_end', 'month']) }}
