{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='ledger_entry_line_categories') }}
{{ pennylane_live_rows(source('pennylane', 'ledger_entry_line_categories'), {
    'ledger_entry_line_id': ['bigint', 'ledger_entry_line_id'],
    'id': ['bigint', 'id'],
    'weight': ['numeric', 'weight'],
}, parent='ledger_entry_line_id') }}
