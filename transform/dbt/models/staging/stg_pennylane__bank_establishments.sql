{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='bank_establishments') }}
{{ pennylane_live_rows(source('pennylane', 'bank_establishments'), {
    'id': ['bigint', 'id'],
    'name': ['text', 'bank_name'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}) }}
