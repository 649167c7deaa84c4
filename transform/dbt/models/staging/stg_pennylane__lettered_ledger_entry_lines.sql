{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='lettered_ledger_entry_lines') }}
{{ pennylane_live_rows(source('pennylane', 'lettered_ledger_entry_lines'), {
    'ledger_entry_line_id': ['numeric', 'ledger_entry_line_id'],
    'id': ['bigint', 'id'],
}, parent='ledger_entry_line_id') }}
