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
        and {{ pennylane_line_counts('line') }}
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

{{ pennylane_vat_lines() }},

document as (
    select company_id, company_name, date, kind, vat_rate, substance, base, tax from customer_tax
    union all
    select company_id, company_name, date, kind, vat_rate, substance, base, tax from supplier_tax
)

select
    company_id,
    company_name,
    date_trunc('month', date)::date as month,
    'documents' as source,
    kind,
    vat_rate,
    {{ pennylane_vat_percentage('vat_rate') }} as percentage,
    substance,
    sum(base) as base,
    sum(tax) as tax
from document
group by company_id, company_name, date_trunc('month', date), kind, vat_rate, substance
union all
select company_id, company_name, month, 'ledger', kind, '', null, 'unknown', null, sum(tax)
from ledger
group by company_id, company_name, month, kind
