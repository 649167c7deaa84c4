{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='trial_balance') }}
{{ pennylane_live_rows(source('pennylane', 'trial_balance'), {
    'period_start': ['date', 'period_start'],
    'period_end': ['date', 'period_end'],
    'number': ['text', 'account_number'],
    'formatted_number': ['text', 'formatted_number'],
    'label': ['text', 'account_label'],
    'debits': ['numeric', 'debits'],
    'credits': ['numeric', 'credits'],
    'asked_at': ['timestamp without time zone', 'asked_at'],
}) }}
