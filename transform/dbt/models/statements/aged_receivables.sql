-- Aged balance of customers (balance âgée) as of today: the open items of the accounts 411, by lettering.
{{ config(post_hook="{{ pennylane_function_on(this, pennylane_open_items('411', 1, 'customer', 'day')) }}") }}
{{ pennylane_open_items('411', 1, 'customer', pennylane_today()) }}
