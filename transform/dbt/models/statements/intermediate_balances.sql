-- The soldes intermédiaires de gestion of every fiscal year, from the commercial margin to the capacité
-- d'autofinancement, beside the former fiscal year.
{{ pennylane_intermediate_balances(ref('income_statement'), ['fiscal_year_start', 'fiscal_year_end']) }}
