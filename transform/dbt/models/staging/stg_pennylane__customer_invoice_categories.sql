{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='customer_invoice_categories') }}
{{ pennylane_live_rows(source('pennylane', 'customer_invoice_categories'), {
    'customer_invoice_id': ['bigint', 'customer_invoice_id'],
    'id': ['bigint', 'id'],
    'weight': ['numeric', 'weight'],
}, parent='customer_invoice_id') }}
