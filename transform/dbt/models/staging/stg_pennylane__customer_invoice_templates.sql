{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='customer_invoice_templates') }}
{{ pennylane_live_rows(source('pennylane', 'customer_invoice_templates'), {
    'id': ['bigint', 'id'],
    'name': ['text', 'name'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}) }}
