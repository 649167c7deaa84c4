{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='supplier_invoice_payments') }}
{{ pennylane_live_rows(source('pennylane', 'supplier_invoice_payments'), {
    'supplier_invoice_id': ['bigint', 'supplier_invoice_id'],
    'id': ['bigint', 'id'],
    'label': ['text', 'payment_label'],
    'currency': ['text', 'currency'],
    'currency_amount': ['numeric', 'currency_amount'],
    'status': ['text', 'status'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}, parent='supplier_invoice_id') }}
