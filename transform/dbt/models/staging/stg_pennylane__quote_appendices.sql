{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='quote_appendices') }}
{{ pennylane_live_rows(source('pennylane', 'quote_appendices'), {
    'quote_id': ['bigint', 'quote_id'],
    'id': ['bigint', 'id'],
    'url': ['text', 'url'],
    'filename': ['text', 'filename'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}, parent='quote_id') }}
