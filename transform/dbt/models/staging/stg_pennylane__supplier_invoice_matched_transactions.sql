{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='supplier_invoice_matched_transactions') }}
{{ pennylane_live_rows(source('pennylane', 'supplier_invoice_matched_transactions'), {
    'supplier_invoice_id': ['bigint', 'supplier_invoice_id'],
    'id': ['bigint', 'id'],
}, parent='supplier_invoice_id') }}
