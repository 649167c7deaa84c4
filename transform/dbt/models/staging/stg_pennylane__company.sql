{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='company') }}
{{ pennylane_live_rows(source('pennylane', 'company'), {
    'company_id': ['bigint', 'company_id'],
    'user_id': ['bigint', 'user_id'],
    'user_first_name': ['text', 'user_first_name'],
    'user_last_name': ['text', 'user_last_name'],
    'user_email': ['text', 'user_email'],
    'user_locale': ['text', 'user_locale'],
    'company_name': ['text', 'company_name'],
    'company_reg_no': ['text', 'company_reg_no'],
    'company_accounting_logic': ['text', 'company_accounting_logic'],
    'scopes': ['jsonb', 'scopes'],
}) }}
