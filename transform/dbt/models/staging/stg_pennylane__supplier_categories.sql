{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='supplier_categories') }}
{{ pennylane_live_rows(source('pennylane', 'supplier_categories'), {
    'supplier_id': ['bigint', 'supplier_id'],
    'id': ['bigint', 'id'],
    'weight': ['numeric', 'weight'],
}, parent='supplier_id') }}
