{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='pa_registrations') }}
{{ pennylane_live_rows(source('pennylane', 'pa_registrations'), {
    'id': ['bigint', 'id'],
    'siret': ['text', 'siret'],
    'siren': ['text', 'siren'],
    'status': ['text', 'status'],
    'exchange_direction': ['text', 'exchange_direction'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}) }}
