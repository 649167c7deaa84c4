-- What all runs did, by company and table: a total that never shrinks, although old rows of sync_log are deleted.
{{ config(schema='logs') }}
select
    company_id,
    table_name,
    sum(records)::bigint as records,
    sum(tombstones)::bigint as tombstones,
    sum(requests)::bigint as requests,
    sum(rate_limited)::bigint as rate_limited,
    sum(seconds_waited) as seconds_waited
from (
    select
        company_id,
        stream as table_name,
        records,
        tombstones,
        requests,
        rate_limited,
        seconds_waited
    from {{ ref('stg_pennylane__sync_log') }}
    where stream is not null
    union all
    select
        company_id,
        table_name,
        records,
        tombstones,
        requests,
        rate_limited,
        seconds_waited
    from {{ ref('pennylane_pruned_runs') }}
) as all_runs
group by company_id, table_name
