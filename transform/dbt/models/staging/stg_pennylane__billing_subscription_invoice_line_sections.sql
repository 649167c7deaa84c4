{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='billing_subscription_invoice_line_sections') }}
{{ pennylane_live_rows(source('pennylane', 'billing_subscription_invoice_line_sections'), {
    'billing_subscription_id': ['bigint', 'billing_subscription_id'],
    'id': ['bigint', 'id'],
    'title': ['text', 'title'],
    'description': ['text', 'description'],
    'rank': ['bigint', 'rank'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}, parent='billing_subscription_id') }}
