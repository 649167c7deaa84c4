{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='category_groups') }}
{{ pennylane_live_rows(source('pennylane', 'category_groups'), {
    'id': ['bigint', 'id'],
    'label': ['text', 'category_group_label'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}) }}
