{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='company_features') }}
{{ pennylane_live_rows(source('pennylane', 'company_features'), {
    'name': ['text', 'name'],
    'enabled': ['boolean', 'enabled'],
}) }}
