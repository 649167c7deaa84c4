{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='customer_invoice_matched_transactions') }}
{{ pennylane_live_rows(source('pennylane', 'customer_invoice_matched_transactions'), {
    'customer_invoice_id': ['bigint', 'customer_invoice_id'],
    'id': ['bigint', 'id'],
}, parent='customer_invoice_id') }}
