-- Cash as the balance sheet shows it (disponibilités), at the end of every month. Only the lines of accounts that may be
-- cash are summed, so that many months at once take a moment.
with cash_account as (
    select array_agg(distinct left(prefix, digits)) as stems, digits
    from (
        select rule.account_prefix as prefix, min(length(rule.account_prefix)) over () as digits
        from {{ pennylane_statement_accounts() }} as rule
        where rule.line = 'cash'
    ) as rule
    group by digits
),

sums as (
    select company_id, account_number, last_day, balance
    from {{ ref('pennylane_statement_sums') }}
    where left(account_number, (select digits from cash_account)) = any ((select stems from cash_account)::text[])
),

year as (
    select * from {{ ref('pennylane_statement_years') }}
),

{{ pennylane_statement_rules() }},

month as (
    select year.*, month.as_of
    from year
    cross join lateral (
        select (first_day + interval '1 month - 1 day')::date as as_of
        from generate_series(
            date_trunc('month', year.fiscal_year_start::timestamp), year.fiscal_year_end, interval '1 month'
        ) as each (first_day)
    ) as month
    where month.as_of <= year.fiscal_year_end
),

held as (
    select month.company_id, month.fiscal_year_start, month.as_of, sums.account_number, sum(sums.balance) as balance
    from month
    inner join sums
        on sums.company_id = month.company_id
        and sums.last_day >= month.summed_from
        and sums.last_day <= month.as_of
    group by month.company_id, month.fiscal_year_start, month.as_of, sums.account_number
),

-- An overdrawn bank account is a liability.
cash as (
    select held.company_id, held.fiscal_year_start, held.as_of, sum(held.balance) as cash
    from held
    cross join depth
    inner join resolved
        on resolved.fiscal_year_start = held.fiscal_year_start
        and resolved.stem = left(held.account_number, depth.digits)
        and resolved.line = 'cash'
        and coalesce((resolved.balance = 'debit') = (held.balance > 0), true)
    group by held.company_id, held.fiscal_year_start, held.as_of
)

select
    month.company_id,
    month.company_name,
    month.fiscal_year_start,
    month.fiscal_year_end,
    month.as_of,
    coalesce(cash.cash, 0) as cash
from month
left join cash
    on cash.company_id = month.company_id
    and cash.fiscal_year_start = month.fiscal_year_start
    and cash.as_of = month.as_of
