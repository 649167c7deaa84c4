{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='numberings') }}
{{ pennylane_live_rows(source('pennylane', 'numberings'), {
    'id': ['bigint', 'id'],
    'kind': ['text', 'kind'],
    'number_prefix': ['text', 'number_prefix'],
    'next_number': ['bigint', 'next_number'],
}) }}
