-- The entries that open fiscal years, found once for several rules.
{{ config(materialized='ephemeral') }}
select company_id, ledger_entry_id, period_start from {{ ref('pennylane', 'opening_entries') }}
