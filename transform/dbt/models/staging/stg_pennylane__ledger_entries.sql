{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='ledger_entries') }}
{{ pennylane_live_rows(source('pennylane', 'ledger_entries'), {
    'id': ['bigint', 'id'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
    'label': ['text', 'entry_label'],
    'piece_number': ['text', 'piece_number'],
    'date': ['date', 'date'],
    'due_date': ['date', 'due_date'],
    'invoice_number': ['text', 'invoice_number'],
    'journal_id': ['bigint', 'journal_id'],
    'status': ['text', 'status'],
    'categories': ['jsonb', 'categories'],
    'ledger_attachment_filename': ['text', 'ledger_attachment_filename'],
    'attachment_filename': ['text', 'attachment_filename'],
}) }}
