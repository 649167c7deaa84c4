{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='commercial_document_appendices') }}
{{ pennylane_live_rows(source('pennylane', 'commercial_document_appendices'), {
    'commercial_document_id': ['bigint', 'commercial_document_id'],
    'id': ['bigint', 'id'],
    'url': ['text', 'url'],
    'filename': ['text', 'filename'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}, parent='commercial_document_id') }}
