{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='quote_invoice_line_sections') }}
{{ pennylane_live_rows(source('pennylane', 'quote_invoice_line_sections'), {
    'quote_id': ['bigint', 'quote_id'],
    'id': ['bigint', 'id'],
    'title': ['text', 'title'],
    'description': ['text', 'description'],
    'rank': ['bigint', 'rank'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}, parent='quote_id') }}
