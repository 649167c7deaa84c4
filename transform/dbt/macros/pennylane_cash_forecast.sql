{#- Thirteen weeks of cash from a day on: what the bank holds, and the open items by due date. What is overdue is
    expected in the first week.

    receivables, payables: the open items on that day.
    day: SQL. -#}
{%- macro pennylane_cash_forecast(receivables, payables, day) -%}
with company as (
    select distinct company_id, company_name from {{ ref('stg_pennylane__bank_accounts') }}
),

-- The balance that the bank reports, without what happened after the day.
held as (
    select
        bank.company_id,
        sum(bank.balance - coalesce((
            select sum(later.amount) from {{ ref('stg_pennylane__transactions') }} as later
            where later.company_id = bank.company_id and later.bank_account_id = bank.id and later.date > {{ day }}
        ), 0)) as balance
    from {{ ref('stg_pennylane__bank_accounts') }} as bank
    where coalesce(bank.currency, 'EUR') = 'EUR'
    group by bank.company_id
),

due as (
    select company_id, due_date, remaining_amount as receipts, 0 as payments from {{ receivables }}
    union all
    select company_id, due_date, 0, remaining_amount from {{ payables }}
),

expected as (
    select
        company_id,
        greatest((due_date - date_trunc('week', {{ day }})::date) / 7, 0) as week,
        sum(receipts) as receipts,
        sum(payments) as payments
    from due
    group by 1, 2
),

planned as (
    select
        company.company_id,
        company.company_name,
        week.number,
        coalesce(held.balance, 0) as held,
        coalesce(expected.receipts, 0) as receipts,
        coalesce(expected.payments, 0) as payments
    from company
    cross join generate_series(0, 12) as week (number)
    left join held on held.company_id = company.company_id
    left join expected on expected.company_id = company.company_id and expected.week = week.number
)

select
    company_id,
    company_name,
    number + 1 as week,
    date_trunc('week', {{ day }})::date + 7 * number as week_start,
    date_trunc('week', {{ day }})::date + 7 * number + 6 as week_end,
    held + sum(receipts - payments) over sofar - receipts + payments as opening_balance,
    receipts,
    payments,
    held + sum(receipts - payments) over sofar as closing_balance
from planned
window sofar as (partition by company_id order by number)
{%- endmacro -%}
