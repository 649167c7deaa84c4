-- The sums of the rows of sync_log that pennylane_log_retention has deleted, so that no total ever shrinks.
{{ config(schema='logs', materialized='incremental', incremental_strategy='append', full_refresh=false,
    post_hook=after_commit('{{ pennylane_row_level_security() }}')) }}
select
    null::bigint as company_id,
    null::text as table_name,
    null::bigint as records,
    null::bigint as tombstones,
    null::bigint as requests,
    null::bigint as rate_limited,
    null::numeric as seconds_waited,
    null::timestamp as pruned_at
where false
