-- What a VAT return (CA3) contains, by month: from the invoices by rate (source documents), and from the accounts 445
-- (source ledger). The entries that settle a return, and opening balances, are no operations.
with line as (
    select
        line.company_id,
        line.company_name,
        date_trunc('month', line.date)::date as month,
        line.account_number,
        line.debit,
        line.credit,
        {{ pennylane_line_is_of('line', pennylane_vat_settlements()) }} as settles
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    where line.account_number like '445%'
        and not {{ pennylane_line_is_of('line', pennylane_opening_entries()) }}
),

ledger as (
    select
        line.company_id,
        line.company_name,
        line.month,
        case
            when line.account_number ~ '^44551' and line.credit > 0 then 'declared'
            when line.account_number ~ '^44551' then 'paid'
            when line.account_number ~ '^4452' then 'due_within_eu'
            when line.account_number ~ '^44562' then 'deductible_on_assets'
            when line.account_number ~ '^4456' then 'deductible'
            when line.account_number ~ '^(4458|44574)' then 'on_payment'
            when line.account_number ~ '^4457' then 'collected'
            else 'other'
        end as kind,
        case when line.account_number ~ '^4456' then line.debit - line.credit else line.credit - line.debit end as tax
    from line
    where (not line.settles and line.account_number !~ '^44567') or line.account_number ~ '^44551'
),

document as (
    select
        line.company_id,
        line.company_name,
        date_trunc('month', invoice.date)::date as month,
        'collected' as kind,
        line.vat_rate,
        coalesce(line.substance, 'unknown') as substance,
        line.amount - line.tax as base,
        line.tax
    from {{ ref('stg_pennylane__customer_invoice_lines') }} as line
    inner join {{ ref('stg_pennylane__customer_invoices') }} as invoice
        on invoice.company_id = line.company_id and invoice.id = line.customer_invoice_id
    where invoice.date is not null and {{ pennylane_is_issued('invoice') }}
    union all
    select
        invoice.company_id,
        invoice.company_name,
        date_trunc('month', invoice.date)::date,
        'deductible',
        null,
        'unknown',
        invoice.amount - coalesce(invoice.tax, 0),
        coalesce(invoice.tax, 0)
    from {{ ref('stg_pennylane__supplier_invoices') }} as invoice
    where invoice.date is not null and coalesce(invoice.accounting_status, '') <> 'draft'
)

select
    company_id,
    company_name,
    month,
    'documents' as source,
    kind,
    coalesce(vat_rate, '') as vat_rate,
    -- FR_200 is 20 %, FR_15_385 is 15.385 %.
    case
        when vat_rate ~ '^[A-Z]{2}_\d+$' then trim_scale(split_part(vat_rate, '_', 2)::numeric / 10)
        when vat_rate ~ '^[A-Z]{2}_\d+_\d+$'
            then (split_part(vat_rate, '_', 2) || '.' || split_part(vat_rate, '_', 3))::numeric
    end as percentage,
    substance,
    sum(base) as base,
    sum(tax) as tax
from document
group by company_id, company_name, month, kind, vat_rate, substance
union all
select company_id, company_name, month, 'ledger', kind, '', null, 'unknown', null, sum(tax)
from ledger
group by company_id, company_name, month, kind
