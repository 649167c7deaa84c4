{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='customer_contacts') }}
{{ pennylane_live_rows(source('pennylane', 'customer_contacts'), {
    'customer_id': ['bigint', 'customer_id'],
    'id': ['bigint', 'id'],
    'first_name': ['text', 'first_name'],
    'last_name': ['text', 'last_name'],
    'role': ['text', 'role'],
    'email': ['text', 'email'],
    'telephone_number': ['text', 'telephone_number'],
    'mobile_number': ['text', 'mobile_number'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}, parent='customer_id') }}
