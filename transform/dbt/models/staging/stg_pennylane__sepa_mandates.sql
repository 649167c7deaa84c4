{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='sepa_mandates') }}
{{ pennylane_live_rows(source('pennylane', 'sepa_mandates'), {
    'id': ['bigint', 'id'],
    'bank': ['text', 'bank'],
    'bic': ['text', 'bic'],
    'iban': ['text', 'iban'],
    'sequence_type': ['text', 'sequence_type'],
    'signed_at': ['date', 'signed_at'],
    'identifier': ['text', 'identifier'],
    'customer_id': ['bigint', 'customer_id'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}) }}
