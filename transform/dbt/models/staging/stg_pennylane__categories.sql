{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='categories') }}
{{ pennylane_live_rows(source('pennylane', 'categories'), {
    'id': ['bigint', 'id'],
    'label': ['text', 'category_label'],
    'direction': ['text', 'direction'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
    'category_group_id': ['bigint', 'category_group_id'],
    'analytical_code': ['text', 'analytical_code'],
}) }}
