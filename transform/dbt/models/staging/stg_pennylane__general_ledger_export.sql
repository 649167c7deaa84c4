{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='general_ledger_export') }}
{{ pennylane_live_rows(source('pennylane', 'general_ledger_export'), {
    'period_start': ['date', 'period_start'],
    'period_end': ['date', 'period_end'],
    'copy': ['bigint', 'copy'],
    'line': ['bigint', 'line'],
    'ledger_entry_line_id': ['bigint', 'ledger_entry_line_id'],
    'date': ['date', 'date'],
    'journal': ['text', 'journal_code'],
    'account': ['text', 'account_number'],
    'account_label': ['text', 'account_label'],
    'piece': ['text', 'piece_number'],
    'label': ['text', 'line_label'],
    'debit': ['numeric', 'debit'],
    'credit': ['numeric', 'credit'],
}, copies=true) }}
