-- Days of sales outstanding (DSO) and days of payables outstanding (DPO) at the end of every month: the balance of
-- the accounts 411 and 401 against the invoices of the twelve months before, tax included.
with posted as (
    {%- for kind in ['401', '411'] %}
    select company_id, '{{ kind }}' as kind, account_number, ledger_entry_id, date, debit - credit as amount
    from {{ ref('stg_pennylane__ledger_entry_lines') }}
    where account_number like '{{ kind }}%'
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

daily as (
    select company_id, kind, date, sum(amount) as amount
    from posted as line
    where not {{ pennylane_repeats('line') }}
    group by 1, 2, 3
),

moved as (
    select company_id, kind, date_trunc('month', date::timestamp)::date as month, sum(amount) as amount
    from daily
    group by 1, 2, 3
),

-- Once, and by day, so that each month sums a few hundred rows.
invoiced as materialized (
    select company_id, date, sum(sales) as sales, sum(purchases) as purchases
    from (
        select company_id, date, amount as sales, 0 as purchases
        from {{ ref('stg_pennylane__customer_invoices') }} as invoice
        where {{ pennylane_is_issued('invoice') }}
        union all
        select company_id, date, 0, amount
        from {{ ref('stg_pennylane__supplier_invoices') }}
        where coalesce(accounting_status, '') <> 'draft'
    ) as document
    group by company_id, date
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
