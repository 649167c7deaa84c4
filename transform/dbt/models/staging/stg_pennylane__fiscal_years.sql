{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='fiscal_years') }}
{{ pennylane_live_rows(source('pennylane', 'fiscal_years'), {
    'id': ['bigint', 'id'],
    'start': ['date', 'start_date'],
    'finish': ['date', 'end_date'],
    'status': ['text', 'status'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}) }}
