{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='ledger_entry_lines') }}
{{ pennylane_live_rows(source('pennylane', 'ledger_entry_lines'), {
    'id': ['bigint', 'id'],
    'debit': ['numeric', 'debit'],
    'credit': ['numeric', 'credit'],
    'label': ['text', 'line_label'],
    'categories': ['jsonb', 'categories'],
    'ledger_account_id': ['bigint', 'ledger_account_id'],
    'ledger_account_number': ['text', 'account_number'],
    'journal_id': ['bigint', 'journal_id'],
    'date': ['date', 'date'],
    'ledger_entry_id': ['bigint', 'ledger_entry_id'],
    'lettered_ledger_entry_lines_ids': ['jsonb', 'lettered_ledger_entry_lines_ids'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}) }}
