-- Aged balance of suppliers (balance âgée) as of today: the open items of the accounts 401, by lettering.
{{ config(post_hook="{{ pennylane_function_on(this, pennylane_open_items('401', -1, 'supplier', 'day')) }}") }}
{{ pennylane_open_items('401', -1, 'supplier', pennylane_today()) }}
