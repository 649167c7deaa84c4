{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='sync_log') }}
{{ pennylane_live_rows(source('pennylane', 'sync_log'), {
    'run_id': ['text', 'run_id'],
    'stream': ['text', 'stream'],
    'mode': ['text', 'mode'],
    'started_at': ['timestamp without time zone', 'started_at'],
    'ended_at': ['timestamp without time zone', 'ended_at'],
    'records': ['bigint', 'records'],
    'tombstones': ['bigint', 'tombstones'],
    'requests': ['bigint', 'requests'],
    'rate_limited': ['bigint', 'rate_limited'],
    'seconds_waited': ['numeric', 'seconds_waited'],
    'status': ['text', 'status'],
    'error': ['text', 'error'],
}) }}
