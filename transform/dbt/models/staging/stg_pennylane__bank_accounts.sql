{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='bank_accounts') }}
{{ pennylane_live_rows(source('pennylane', 'bank_accounts'), {
    'id': ['bigint', 'id'],
    'name': ['text', 'bank_account_name'],
    'currency': ['text', 'currency'],
    'balance': ['numeric', 'balance'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
    'bank_establishment_id': ['bigint', 'bank_establishment_id'],
    'journal_id': ['bigint', 'journal_id'],
    'ledger_account_id': ['bigint', 'ledger_account_id'],
}) }}
