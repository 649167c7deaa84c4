{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='commercial_document_invoice_line_sections') }}
{{ pennylane_live_rows(source('pennylane', 'commercial_document_invoice_line_sections'), {
    'commercial_document_id': ['bigint', 'commercial_document_id'],
    'id': ['bigint', 'id'],
    'title': ['text', 'title'],
    'description': ['text', 'description'],
    'rank': ['bigint', 'rank'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}, parent='commercial_document_id') }}
