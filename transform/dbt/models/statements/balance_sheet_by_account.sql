{# The ends of the months of a fiscal year, and its own end. -#}
{%- set days -%}
cross join lateral (
        select least((first_day + interval '1 month - 1 day')::date, year.fiscal_year_end) as as_of
        from generate_series(
            date_trunc('month', year.fiscal_year_start::timestamp), year.fiscal_year_end, interval '1 month'
        ) as month (first_day)
    ) as day
{%- endset %}
-- The balance sheet (bilan) by account, at the end of every month and of every fiscal year, beside the end of the
-- former fiscal year. The result of a year is shown whether or not the year is closed, so that both sides agree.
with sums as (
    select * from {{ ref('pennylane_statement_sums') }}
),

year as (
    select * from {{ ref('pennylane_statement_years') }}
),

{{ pennylane_statement_rules() }},

-- The accounts of the balance sheet, and the results of the years.
totals as (
    select company_id, account_number, null::date as result_of, last_day, balance
    from sums
    where account_number not like '6%' and account_number not like '7%'
    union all
    select company_id, '6-7', fiscal_year_start, last_day, sum(balance)
    from sums
    where account_number like '6%' or account_number like '7%'
    group by company_id, fiscal_year_start, last_day
),

-- Named before the rows of a company and a day are chosen: PostgreSQL would expect these to be few, and look for each
-- account's name among all of them.
kept as (
    select totals.*, account.account_label
    from totals
    left join {{ pennylane_account_labels() }} as account
        on account.company_id = totals.company_id and account.account_number = totals.account_number
),

-- Each balance of an account, and from when to when it lasts: each account is summed once, however many balance sheets
-- are asked for.
running as (
    select
        year.company_id,
        year.company_name,
        year.fiscal_year_start,
        year.fiscal_year_end,
        account.*
    from year
    cross join lateral (
        select
            kept.account_number,
            kept.account_label,
            coalesce(kept.result_of = year.fiscal_year_start, false) as is_result,
            sum(kept.balance) over account as balance,
            kept.last_day as since,
            lead(kept.last_day, 1, 'infinity') over account as before
        from kept
        where kept.company_id = year.company_id
            and kept.last_day >= year.summed_from
            and kept.last_day <= year.fiscal_year_end
        window account as (
            partition by kept.account_number, coalesce(kept.result_of = year.fiscal_year_start, false)
            order by kept.last_day
        )
    ) as account
    where account.balance <> 0
),

former as (
    select
        year.company_id,
        year.company_name,
        year.fiscal_year_start,
        year.fiscal_year_end,
        account.*
    from year
    cross join lateral (
        select
            kept.account_number,
            max(kept.account_label) as account_label,
            coalesce(kept.result_of = year.previous_start, false) as is_result,
            sum(kept.balance) as balance
        from kept
        where kept.company_id = year.company_id
            and kept.last_day >= year.previous_summed_from
            and kept.last_day <= year.previous_end
        group by 1, 3
        having sum(kept.balance) <> 0
    ) as account
),

held as (
    {%- for rows, is_former in [('running', false), ('former', true)] %}
    {{ 'union all' if is_former }}
    select
        year.company_id,
        year.company_name,
        year.fiscal_year_start,
        year.fiscal_year_end,
        day.as_of,
        {{ is_former | lower }} as is_former,
        year.account_number,
        year.account_label,
        year.is_result,
        year.balance
    from {{ rows }} as year
    {{ days }}
    {{ 'where day.as_of >= year.since and day.as_of < year.before' if not is_former }}
    {%- endfor %}
),

placed as (
    select
        held.*,
        resolved.part,
        case
            when held.is_result then 'result'
            when held.account_number = '6-7' then 'prior_result'
            when resolved.line is not null then resolved.line
            when held.balance > 0 then 'unmapped_assets'
            else 'unmapped_liabilities'
        end as line
    from held
    cross join depth
    left join resolved
        on resolved.fiscal_year_start = held.fiscal_year_start
        and resolved.stem = left(held.account_number, depth.digits)
        and held.account_number <> '6-7'
        and coalesce((resolved.balance = 'debit') = (held.balance > 0), true)
),

-- Summed before the lines are described: sorting the rows by all their texts takes longer than all else.
summed as (
    select
        company_id,
        fiscal_year_start,
        fiscal_year_end,
        as_of,
        account_number,
        line,
        company_name,
        max(account_label) as account_label,
        coalesce(sum(balance) filter (where not is_former), 0) as balance,
        coalesce(sum(balance) filter (where not is_former and part = 'depreciation'), 0) as depreciation,
        coalesce(sum(balance) filter (where is_former), 0) as previous_balance
    from placed
    group by company_id, fiscal_year_start, fiscal_year_end, as_of, account_number, line, company_name
)

select
    summed.company_id,
    summed.company_name,
    summed.fiscal_year_start,
    summed.fiscal_year_end,
    summed.as_of,
    line.side,
    line.position,
    line.section_fr,
    line.section_en,
    summed.line,
    line.label_fr,
    line.label_en,
    summed.account_number,
    summed.account_label,
    case line.side when 'assets' then summed.balance - summed.depreciation else 0 end as gross,
    -summed.depreciation as depreciation,
    case line.side when 'assets' then summed.balance else -summed.balance end as net,
    case line.side when 'assets' then summed.previous_balance else -summed.previous_balance end as previous_net
from summed
{{ pennylane_described('balance_sheet', 'summed', 'summed.line') }}
