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

movement as (
    select
        line.company_id,
        coalesce(line.account_number, '') as account_number,
        width_bucket(line.date, (select days from boundary)) as period,
        line.debit - line.credit as amount
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    where {{ pennylane_line_counts('line') }}
    union all
    select
        line.company_id,
        coalesce(line.account_number, ''),
        width_bucket(line.date, (select days from boundary)),
        line.credit - line.debit
    from closing
    inner join {{ ref('stg_pennylane__ledger_entry_lines') }} as line
        on line.company_id = closing.company_id and line.ledger_entry_id = closing.ledger_entry_id
    -- An array, because PostgreSQL cannot estimate how few entries these are, and would read all lines.
    where line.ledger_entry_id = any (array(select ledger_entry_id from closing)) and {{ pennylane_line_counts('line') }}
),

total as (
    select company_id, account_number, period, sum(amount) as balance
    from movement
    group by company_id, account_number, period
),

period as (
    select
        number.period,
        boundary.days[number.period] as first_day,
        case
            when number.period = 0 then boundary.days[1] - 1
            else coalesce(boundary.days[number.period + 1] - 1, 'infinity')
        end as last_day
    from boundary
    cross join generate_series(0, coalesce(cardinality(boundary.days), 0)) as number (period)
),

-- Found for each period, rather than for each of its accounts.
year as (
    select period.period, year.company_id, year.start_date
    from period
    inner join {{ ref('stg_pennylane__fiscal_years') }} as year
        on period.first_day between year.start_date and year.end_date
)

select
    total.company_id,
    year.start_date as fiscal_year_start,
    date_trunc('month', period.first_day::timestamp)::date as month,
    total.account_number,
    period.last_day,
    total.balance
from total
left join period on period.period = total.period
left join year on year.company_id = total.company_id and year.period = total.period
