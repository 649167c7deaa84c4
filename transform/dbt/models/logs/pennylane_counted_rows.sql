-- The rows that each run wrote into each table, counted by the build after it, because a later run may
-- overwrite them.
{{ config(schema='logs', materialized='incremental', incremental_strategy='append', full_refresh=false,
    post_hook=after_commit('{{ pennylane_row_level_security() }}')) }}
{%- for table in pennylane_streams() %}
-- depends_on: {{ source('pennylane', table) }}
{%- endfor %}
select counted.*
from ({{ pennylane_counted(
    '(select coalesce(max(earlier.process), 0) from ' ~ this ~ ' as earlier)' if is_incremental() else '0'
) }}) as counted
where not exists (
    select from {{ ref('pennylane_sync_runs') }} as run
    where run.status = 'running'
        and counted.process >= extract(epoch from run.started_at) * 1000
)
