{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='customer_invoice_custom_header_fields') }}
{{ pennylane_live_rows(source('pennylane', 'customer_invoice_custom_header_fields'), {
    'customer_invoice_id': ['bigint', 'customer_invoice_id'],
    'id': ['bigint', 'id'],
    'title': ['text', 'title'],
    'value': ['text', 'value'],
    'rank': ['bigint', 'rank'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}, parent='customer_invoice_id') }}
