-- The cash of the next thirteen weeks: the bank's balances, and the open receivables and payables by due date.
{{ config(post_hook="{{ pennylane_function_on(this, pennylane_cash_forecast(pennylane_on(ref('aged_receivables')) ~ '(day)', pennylane_on(ref('aged_payables')) ~ '(day)', 'day')) }}") }}
{{ pennylane_cash_forecast(ref('aged_receivables'), ref('aged_payables'), pennylane_today()) }}
