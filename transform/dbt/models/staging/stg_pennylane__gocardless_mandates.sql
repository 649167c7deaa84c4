{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='gocardless_mandates') }}
{{ pennylane_live_rows(source('pennylane', 'gocardless_mandates'), {
    'id': ['bigint', 'id'],
    'external_reference': ['text', 'external_reference'],
    'customer_id': ['bigint', 'customer_id'],
    'status': ['text', 'status'],
    'external_customer_account': ['text', 'external_customer_account'],
    'external_customer_label': ['text', 'external_customer_label'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}) }}
