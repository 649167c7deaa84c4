-- Days of sales outstanding (DSO) and days of payables outstanding (DPO) at the end of every month: the balance of
-- the accounts 411 and 401 against the invoices of the twelve months before, tax included.
with moved as (
    select
        company_id,
        left(account_number, 3) as kind,
        date_trunc('month', date)::date as month,
        sum(amount) as amount
    from (
        select
            line.company_id,
            line.account_number,
            line.date,
            line.debit - line.credit as amount,
            {{ pennylane_repeats('line') }} as is_repeated
        from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
        left join {{ ref('stg_pennylane__journals') }} as journal
            on journal.company_id = line.company_id and journal.id = line.journal_id
        where line.account_number like '401%' or line.account_number like '411%'
    ) as line
    where not is_repeated
    group by 1, 2, 3
),

invoiced as (
    select company_id, date, amount as sales, 0 as purchases
    from {{ ref('stg_pennylane__customer_invoices') }} as invoice
    where {{ pennylane_is_issued('invoice') }}
    union all
    select company_id, date, 0, amount
    from {{ ref('stg_pennylane__supplier_invoices') }}
    where coalesce(accounting_status, '') <> 'draft'
),

month as (
    select distinct
        year.company_id,
        year.company_name,
        month.first_day::date as month,
        (month.first_day + interval '1 month - 1 day')::date as as_of
    from {{ ref('stg_pennylane__fiscal_years') }} as year
    cross join lateral generate_series(
        date_trunc('month', year.start_date), date_trunc('month', year.end_date), interval '1 month'
    ) as month (first_day)
    where month.first_day <= {{ pennylane_today() }}
),

measured as (
    select
        month.*,
        (
            select coalesce(sum(moved.amount), 0) from moved
            where moved.company_id = month.company_id and moved.kind = '411' and moved.month <= month.month
        ) as receivables,
        (
            select coalesce(-sum(moved.amount), 0) from moved
            where moved.company_id = month.company_id and moved.kind = '401' and moved.month <= month.month
        ) as payables,
        invoiced.sales,
        invoiced.purchases
    from month
    cross join lateral (
        select coalesce(sum(sales), 0) as sales, coalesce(sum(purchases), 0) as purchases
        from invoiced
        where invoiced.company_id = month.company_id
            and invoiced.date > month.as_of - interval '1 year' and invoiced.date <= month.as_of
    ) as invoiced
)

select
    company_id,
    company_name,
    as_of,
    receivables,
    sales as sales_12_months,
    round(365 * receivables / nullif(sales, 0), 1) as days_sales_outstanding,
    payables,
    purchases as purchases_12_months,
    round(365 * payables / nullif(purchases, 0), 1) as days_payables_outstanding
from measured
