-- The cash of the next thirteen weeks: the bank's balances, and the open receivables and payables by due date.
{{ config(post_hook="{{ pennylane_function_on(this, pennylane_cash_forecast(ref('aged_receivables') | replace('\"aged_receivables\"', 'aged_receivables_on(day)'), ref('aged_payables') | replace('\"aged_payables\"', 'aged_payables_on(day)'), 'day')) }}") }}
{{ pennylane_cash_forecast(ref('aged_receivables'), ref('aged_payables'), pennylane_today()) }}
