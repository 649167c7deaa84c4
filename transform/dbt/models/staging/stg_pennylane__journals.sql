{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='journals') }}
{{ pennylane_live_rows(source('pennylane', 'journals'), {
    'id': ['bigint', 'id'],
    'code': ['text', 'journal_code'],
    'label': ['text', 'journal_label'],
    'type': ['text', 'journal_type'],
}) }}
