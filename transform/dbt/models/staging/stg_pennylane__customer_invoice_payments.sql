{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='customer_invoice_payments') }}
{{ pennylane_live_rows(source('pennylane', 'customer_invoice_payments'), {
    'customer_invoice_id': ['bigint', 'customer_invoice_id'],
    'id': ['bigint', 'id'],
    'label': ['text', 'payment_label'],
    'currency': ['text', 'currency'],
    'currency_amount': ['numeric', 'currency_amount'],
    'status': ['text', 'status'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}, parent='customer_invoice_id') }}
