{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='pro_account_mandates') }}
{{ pennylane_live_rows(source('pennylane', 'pro_account_mandates'), {
    'customer_id': ['bigint', 'customer_id'],
    'status': ['text', 'status'],
    'early_execution_date_permitted': ['boolean', 'early_execution_date_permitted'],
    'active_billing_subscription': ['boolean', 'active_billing_subscription'],
    'signed_at': ['date', 'signed_at'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'pdf_url': ['text', 'pdf_url'],
}) }}
