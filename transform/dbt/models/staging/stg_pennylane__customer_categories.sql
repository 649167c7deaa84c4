{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='customer_categories') }}
{{ pennylane_live_rows(source('pennylane', 'customer_categories'), {
    'customer_id': ['bigint', 'customer_id'],
    'id': ['bigint', 'id'],
    'weight': ['numeric', 'weight'],
}, parent='customer_id') }}
