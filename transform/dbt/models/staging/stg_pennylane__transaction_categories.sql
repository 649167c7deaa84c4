{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='transaction_categories') }}
{{ pennylane_live_rows(source('pennylane', 'transaction_categories'), {
    'transaction_id': ['bigint', 'transaction_id'],
    'id': ['bigint', 'id'],
    'weight': ['numeric', 'weight'],
}, parent='transaction_id') }}
