{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='webhook_subscriptions') }}
{{ pennylane_live_rows(source('pennylane', 'webhook_subscriptions'), {
    'id': ['bigint', 'id'],
    'callback_url': ['text', 'callback_url'],
    'events': ['jsonb', 'events'],
    'enabled': ['boolean', 'enabled'],
    'disabled_at': ['timestamp without time zone', 'disabled_at'],
    'disabled_reason': ['text', 'disabled_reason'],
    'last_failure_status': ['bigint', 'last_failure_status'],
    'last_failure_at': ['timestamp without time zone', 'last_failure_at'],
    'consecutive_failures': ['bigint', 'consecutive_failures'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}) }}
