{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='pro_account_mandate_migrations') }}
{{ pennylane_live_rows(source('pennylane', 'pro_account_mandate_migrations'), {
    'id': ['bigint', 'id'],
    'status': ['text', 'status'],
    'direct_debit_method': ['text', 'direct_debit_method'],
    'signed_at': ['timestamp without time zone', 'signed_at'],
    'error_message': ['text', 'error_message'],
    'migrated_at': ['timestamp without time zone', 'migrated_at'],
    'migration_started_at': ['timestamp without time zone', 'migration_started_at'],
    'mandate_id': ['bigint', 'mandate_id'],
    'mandate_type': ['text', 'mandate_type'],
    'customer_id': ['bigint', 'customer_id'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}) }}
