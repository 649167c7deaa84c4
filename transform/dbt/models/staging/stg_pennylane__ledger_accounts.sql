{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='ledger_accounts') }}
{{ pennylane_live_rows(source('pennylane', 'ledger_accounts'), {
    'id': ['bigint', 'id'],
    'number': ['text', 'account_number'],
    'label': ['text', 'account_label'],
    'vat_rate': ['text', 'vat_rate'],
    'country_alpha2': ['text', 'country_alpha2'],
    'enabled': ['boolean', 'enabled'],
    'type': ['text', 'account_type'],
    'letterable': ['boolean', 'letterable'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}) }}
