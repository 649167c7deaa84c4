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
    select
        company_id,
        case when account_number like '6%' or account_number like '7%' then '6-7' else account_number end
            as account_number,
        case when account_number like '6%' or account_number like '7%' then fiscal_year_start end as result_of,
        last_day,
        sum(balance) as balance
    from sums
    group by 1, 2, 3, 4
),

-- Named before the rows of a company and a day are chosen: PostgreSQL would expect these to be few, and look for each
-- account's name among all of them.
kept as (
    select totals.*, account.account_label
    from totals
    left join {{ pennylane_account_labels() }} as account
        on account.company_id = totals.company_id and account.account_number = totals.account_number
),

held as (
{%- for is_former, of, first, last in [
    (false, 'fiscal_year_start', 'summed_from', 'day.as_of'),
    (true, 'previous_start', 'previous_summed_from', 'year.previous_end'),
] %}
    {{ 'union all' if is_former }}
    select
        year.company_id,
        year.company_name,
        year.fiscal_year_start,
        year.fiscal_year_end,
        day.as_of,
        {{ is_former | lower }} as is_former,
        account.account_number,
        account.account_label,
        account.is_result,
        account.balance
    from year
    {{ days if not is_former }}
    cross join lateral (
        select
            kept.account_number,
            max(kept.account_label) as account_label,
            coalesce(kept.result_of = year.{{ of }}, false) as is_result,
            sum(kept.balance) as balance
        from kept
        where kept.company_id = year.company_id
            and kept.last_day >= year.{{ first }}
            and kept.last_day <= {{ last }}
        group by 1, 3
        having sum(kept.balance) <> 0
    ) as account
    {{ days if is_former }}
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
)

select
    placed.company_id,
    placed.company_name,
    placed.fiscal_year_start,
    placed.fiscal_year_end,
    placed.as_of,
    line.side,
    line.position,
    line.section_fr,
    line.section_en,
    placed.line,
    line.label_fr,
    line.label_en,
    placed.account_number,
    max(placed.account_label) as account_label,
    coalesce(sum(placed.balance) filter (
        where not placed.is_former and line.side = 'assets' and placed.part is distinct from 'depreciation'
    ), 0) as gross,
    coalesce(-sum(placed.balance) filter (where not placed.is_former and placed.part = 'depreciation'), 0)
        as depreciation,
    coalesce(sum(case line.side when 'assets' then placed.balance else -placed.balance end)
        filter (where not placed.is_former), 0) as net,
    coalesce(sum(case line.side when 'assets' then placed.balance else -placed.balance end)
        filter (where placed.is_former), 0) as previous_net
from placed
{{ pennylane_described('balance_sheet', 'placed', 'placed.line') }}
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
