-- The figures of every company, computed now: those of the statements, of the aged balance and of the controls. They
-- read all books, so people query what pennylane_portfolio_figures remembers. A single company needs none of that: its
-- statements are quick.
{{ config(schema='logs') }}
{%- set this_month = "date_trunc('month', " ~ pennylane_today() ~ "::timestamp)" -%}
with sums as (
    select * from {{ ref('pennylane_statement_sums') }}
),

year as (
    select * from {{ ref('pennylane_statement_years') }}
),

{{ pennylane_statement_rules() }},

-- The fiscal year of today, or else the latest.
chosen as (
    select distinct on (company_id)
        *,
        least(fiscal_year_end, ({{ this_month }} + interval '1 month - 1 day')::date) as as_of
    from year
    order by
        company_id,
        {{ pennylane_today() }} between fiscal_year_start and fiscal_year_end desc,
        fiscal_year_start desc
),

-- As in the income statement by month, up to the current month: beside it, the same months of the year before.
earned as (
    select
        chosen.company_id,
        sums.account_number,
        chosen.fiscal_year_start,
        -coalesce(sum(sums.balance) filter (
            where sums.fiscal_year_start = chosen.fiscal_year_start and sums.month <= {{ this_month }}
        ), 0) as amount,
        -coalesce(sum(sums.balance) filter (
            where sums.last_day + interval '1 year' between chosen.fiscal_year_start and chosen.fiscal_year_end
                and sums.month + interval '1 year' <= {{ this_month }}
        ), 0) as previous_amount
    from chosen
    inner join sums on sums.company_id = chosen.company_id
    where sums.account_number like '6%' or sums.account_number like '7%'
    group by 1, 2, 3
),

result as (
    select
        earned.company_id,
        sum(earned.amount) as result,
        sum(earned.previous_amount) as previous_result,
        coalesce(sum(earned.amount) filter (where kind.is_turnover), 0) as turnover,
        coalesce(sum(earned.previous_amount) filter (where kind.is_turnover), 0) as previous_turnover
    from earned
    cross join depth
    left join resolved
        on resolved.fiscal_year_start = earned.fiscal_year_start
        and resolved.stem = left(earned.account_number, depth.digits)
    cross join lateral (
        select resolved.line in ('goods_sold', 'production_sold') as is_turnover
    ) as kind
    group by earned.company_id
),

-- As in the balance sheet: at the end of the month, and a year before.
moment as (
    select company_id, fiscal_year_start, summed_from, as_of, false as is_former from chosen
    union all
    select year.company_id, year.fiscal_year_start, year.summed_from, former.as_of, true
    from chosen
    cross join lateral (
        select (
            date_trunc('month', chosen.as_of - interval '1 year') + interval '1 month - 1 day'
        )::date as as_of
    ) as former
    inner join year
        on year.company_id = chosen.company_id
        and former.as_of between year.fiscal_year_start and year.fiscal_year_end
),

held as (
    select
        moment.company_id,
        moment.is_former,
        moment.fiscal_year_start,
        sums.account_number,
        sum(sums.balance) as balance
    from moment
    inner join sums
        on sums.company_id = moment.company_id
        and sums.last_day >= moment.summed_from
        and sums.last_day <= moment.as_of
    cross join depth
    where left(sums.account_number, depth.digits) in (select stem from resolved where line = 'cash')
    group by 1, 2, 3, 4
),

cash as (
    select
        moment.company_id,
        coalesce(sum(held.balance) filter (where not moment.is_former and resolved.line = 'cash'), 0) as cash,
        case
            when bool_or(moment.is_former)
                then coalesce(sum(held.balance) filter (where moment.is_former and resolved.line = 'cash'), 0)
        end as previous_cash
    from moment
    cross join depth
    left join held on held.company_id = moment.company_id and held.is_former = moment.is_former
    left join resolved
        on resolved.fiscal_year_start = held.fiscal_year_start
        and resolved.stem = left(held.account_number, depth.digits)
        and coalesce((resolved.balance = 'debit') = (held.balance > 0), true)
    group by moment.company_id
),

bank as (
    select company_id, sum(balance) as bank_balance
    from {{ ref('stg_pennylane__bank_accounts') }}
    where coalesce(currency, 'EUR') = 'EUR'
    group by company_id
),

receivables as (
    select
        company_id,
        sum(overdue_1_30 + overdue_31_60 + overdue_61_90 + overdue_over_90) as overdue_receivables
    from {{ ref('aged_receivables') }}
    group by company_id
),

finding as (
    select
        company_id,
        count(*) filter (where severity = 'error') as errors,
        count(*) filter (where severity = 'warning') as warnings,
        count(*) filter (where severity = 'info') as infos
    from {{ ref('open_findings') }}
    group by company_id
)

select
    chosen.company_id,
    chosen.fiscal_year_start,
    chosen.fiscal_year_end,
    chosen.as_of,
    coalesce(result.turnover, 0) as turnover,
    coalesce(result.previous_turnover, 0) as previous_turnover,
    coalesce(result.result, 0) as result,
    coalesce(result.previous_result, 0) as previous_result,
    cash.cash,
    cash.previous_cash,
    bank.bank_balance,
    coalesce(receivables.overdue_receivables, 0) as overdue_receivables,
    coalesce(finding.errors, 0) as errors,
    coalesce(finding.warnings, 0) as warnings,
    coalesce(finding.infos, 0) as infos
from chosen
left join result on result.company_id = chosen.company_id
left join cash on cash.company_id = chosen.company_id
left join bank on bank.company_id = chosen.company_id
left join receivables on receivables.company_id = chosen.company_id
left join finding on finding.company_id = chosen.company_id
where (select count(distinct several.company_id) from {{ ref('stg_pennylane__fiscal_years') }} as several) > 1
