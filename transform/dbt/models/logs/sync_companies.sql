-- One row per company: when it was last read, and what failed in its last run.
with known as (
    select company_id, company_name, true as is_listed from {{ ref('stg_pennylane__companies') }}
    union all
    select company_id, company_name, true from {{ ref('stg_pennylane__company') }}
    union all
    select company_id, company_name, false from {{ ref('stg_pennylane__fiscal_years') }}
),

-- A company of an accounting firm that is no longer in the firm's list is gone; its rows stay.
company as (
    select
        company_id,
        max(company_name) as company_name,
        not bool_or(is_listed)
        and company_id > 0
        and exists (select from {{ ref('stg_pennylane__companies') }}) as is_gone
    from known
    group by company_id
),

-- The list of a firm's companies is the firm's own.
entries as materialized (
    select company_id, run_id, stream, started_at, status, error
    from {{ ref('stg_pennylane__sync_log') }}
    where mode is distinct from 'not due' and stream <> 'companies'
),

-- Of a run that failed although nothing failed that the tap read, the target did not confirm the rows.
unconfirmed as (
    select run_id, error
    from {{ ref('pennylane_sync_runs') }} as run
    where status = 'failed'
        and not exists (
            select from {{ ref('stg_pennylane__sync_log') }} as entry
            where entry.run_id = run.run_id and entry.status <> 'success'
        )
),

-- A firm's log has an entry of the lines for each company in each run.
moments as (
    select
        entries.company_id,
        max(entries.started_at) as last_run,
        coalesce(
            max(entries.started_at) filter (where entries.stream = 'ledger_entry_lines' and counts.is_read),
            case
                when not bool_or(entries.stream = 'ledger_entry_lines')
                    then max(entries.started_at) filter (where counts.is_read)
            end
        ) as last_success
    from entries
    left join unconfirmed on unconfirmed.run_id = entries.run_id
    cross join lateral (
        select entries.status = 'success' and unconfirmed.run_id is null as is_read
    ) as counts
    group by entries.company_id
),

failures as (
    select
        entries.company_id,
        string_agg(entries.stream, ', ' order by entries.stream) as tables,
        (array_agg(
            coalesce(entries.error, unconfirmed.error) order by entries.status = 'failed' desc, entries.stream
        ))[1] as error
    from (
        select distinct moments.company_id, latest.run_id
        from moments
        inner join entries as latest
            on latest.company_id = moments.company_id and latest.started_at = moments.last_run
    ) as run
    inner join entries on entries.company_id = run.company_id and entries.run_id = run.run_id
    left join unconfirmed on unconfirmed.run_id = run.run_id
    where entries.status <> 'success' or unconfirmed.run_id is not null
    group by entries.company_id
)

select
    company.company_id,
    company.company_name,
    moments.last_success as last_sync_date,
    {{ pennylane_local('moments.last_success') }} as last_sync_date_local,
    -- Clocks differ by seconds, but nothing was read in the future.
    greatest(
        floor(extract(epoch from now() at time zone 'utc' - moments.last_success) / 60), 0
    )::integer as minutes_since_last_success,
    case
        when company.is_gone then 'gone'
        when failures.company_id is not null then 'failed'
        when moments.company_id is not null then 'success'
    end as last_status,
    failures.tables as failed_tables,
    coalesce(failures.error, case when failures.company_id is not null then 'The stream was cut off' end) as last_error,
    {{ pennylane_local('moments.last_run') }} as last_run_date_local
from company
left join moments on moments.company_id = company.company_id
left join failures on failures.company_id = company.company_id
