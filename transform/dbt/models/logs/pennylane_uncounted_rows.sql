-- The rows of runs that no build has counted yet. Whatever follows a load adds those of ended runs to
-- pennylane_counted_rows, whether or not it builds the views.
{{ config(schema='logs') }}
{%- for table in pennylane_streams() %}
-- depends_on: {{ source('pennylane', table) }}
{%- endfor %}
select
    counted.*,
    not exists (
        select from {{ ref('pennylane_sync_runs') }} as run
        where run.status = 'running'
            and counted.process >= extract(epoch from run.started_at) * 1000
    ) as has_ended
from ({{ pennylane_counted(
    '(select coalesce(max(earlier.process), 0) from ' ~ ref('pennylane_counted_rows') ~ ' as earlier)'
) }}) as counted
