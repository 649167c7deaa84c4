-- The budget that people gave, beside what the ledger has. An account counts for the longest prefix that it begins
-- with, so that the rows of a month can be added up.
with budget as (
    select
        company_id,
        account_prefix,
        date_trunc('month', month)::date as month,
        sum(amount) as amount
    from {{ pennylane_given_rows('budget', {
        'company_id': 'bigint', 'account_prefix': 'text', 'month': 'date', 'amount': 'numeric',
    }) }} as given
    group by 1, 2, 3
),

booked as (
    select line.company_id, line.month, longest.account_prefix, sum(line.amount) as amount
    from {{ ref('pennylane', 'income_statement_by_month') }} as line
    cross join lateral (
        select budget.account_prefix
        from budget
        where budget.company_id = line.company_id
            and budget.month = line.month
            and starts_with(line.account_number, budget.account_prefix)
        order by length(budget.account_prefix) desc
        limit 1
    ) as longest
    group by line.company_id, line.month, longest.account_prefix
)

select
    year.company_id,
    year.company_name,
    year.start_date as fiscal_year_start,
    year.end_date as fiscal_year_end,
    budget.month,
    case when budget.account_prefix like '7%' then 'income' else 'expenses' end as side,
    budget.account_prefix,
    {{ pennylane_pcg_label('left(budget.account_prefix, 2)') }} as account_class_label,
    budget.amount as budget,
    coalesce(booked.amount, 0) as actual,
    coalesce(booked.amount, 0) - budget.amount as difference
from budget
-- A month in which one fiscal year ends and the next begins belongs to the former.
cross join lateral (
    select *
    from {{ ref('stg_pennylane__fiscal_years') }} as fiscal_year
    where fiscal_year.company_id = budget.company_id
        and budget.month between date_trunc('month', fiscal_year.start_date) and fiscal_year.end_date
    order by fiscal_year.start_date
    limit 1
) as year
left join booked
    on booked.company_id = budget.company_id
    and booked.month = budget.month
    and booked.account_prefix = budget.account_prefix
