{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='supplier_invoice_categories') }}
{{ pennylane_live_rows(source('pennylane', 'supplier_invoice_categories'), {
    'supplier_invoice_id': ['bigint', 'supplier_invoice_id'],
    'id': ['bigint', 'id'],
    'weight': ['numeric', 'weight'],
}, parent='supplier_invoice_id') }}
