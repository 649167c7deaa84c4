-- Debit minus credit of every account by month and fiscal year: the ledger is read once, and the statements sum
-- these rows. Entries that close the accounts of classes 6 and 7 into the result (12) are set aside,
-- and so are those that do not count.
{{ config(materialized='ephemeral') }}
-- The days on which a month, or any company's fiscal year, begins or has ended: a line belongs to a period by its
-- place among them, which is quicker than a join.
with boundary as (
    select array_agg(distinct day.day order by day.day) as days
    from (
        select generate_series(
            date_trunc('month', min(start_date)::timestamp), max(end_date), interval '1 month'
        )::date as day
        from {{ ref('stg_pennylane__fiscal_years') }}
        union all
        select start_date from {{ ref('stg_pennylane__fiscal_years') }}
        union all
        select end_date + 1 from {{ ref('stg_pennylane__fiscal_years') }}
    ) as day
),

closing as (
    select * from {{ pennylane_closing_entries() }} as closing
),

period as (
    select
        line.company_id,
        line.account_number,
        width_bucket(line.date, (select days from boundary)) as number,
        sum(line.debit - line.credit) as balance
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    where {{ pennylane_line_counts('line') }}
    group by 1, 2, 3
    union all
    select
        line.company_id,
        line.account_number,
        width_bucket(line.date, (select days from boundary)),
        -sum(line.debit - line.credit)
    from closing
    inner join {{ ref('stg_pennylane__ledger_entry_lines') }} as line
        on line.company_id = closing.company_id and line.ledger_entry_id = closing.ledger_entry_id
    -- An array, because PostgreSQL cannot estimate how few entries these are, and would read all lines.
    where line.ledger_entry_id = any (array(select ledger_entry_id from closing)) and {{ pennylane_line_counts('line') }}
    group by 1, 2, 3
),

dated as (
    select
        period.company_id,
        coalesce(period.account_number, '') as account_number,
        boundary.days[period.number] as first_day,
        case
            when period.number = 0 then boundary.days[1] - 1
            else coalesce(boundary.days[period.number + 1] - 1, 'infinity')
        end as last_day,
        sum(period.balance) as balance
    from period
    cross join boundary
    group by 1, 2, 3, 4
)

select
    dated.company_id,
    year.start_date as fiscal_year_start,
    date_trunc('month', dated.first_day::timestamp)::date as month,
    dated.account_number,
    dated.last_day,
    dated.balance
from dated
left join {{ ref('stg_pennylane__fiscal_years') }} as year
    on year.company_id = dated.company_id and dated.first_day between year.start_date and year.end_date
