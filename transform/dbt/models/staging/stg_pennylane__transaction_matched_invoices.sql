{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='transaction_matched_invoices') }}
{{ pennylane_live_rows(source('pennylane', 'transaction_matched_invoices'), {
    'transaction_id': ['bigint', 'transaction_id'],
    'type': ['text', 'type'],
    'id': ['bigint', 'id'],
}, parent='transaction_id') }}
