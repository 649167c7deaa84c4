-- A supplier invoice looks entered twice if the supplier has another one with the same number, or with the same day
-- and amount.
{{ config(materialized='ephemeral') }}
with plain as (
    select
        company_id,
        company_name,
        id,
        supplier_id,
        invoice_number,
        date,
        amount,
        currency_amount,
        created_at,
        nullif(upper(regexp_replace(invoice_number, '[^[:alnum:]]', '', 'g')), '') as plain_number
    from {{ ref('stg_pennylane__supplier_invoices') }}
    where supplier_id is not null
),

counted as (
    select
        plain.*,
        row_number() over (
            partition by company_id, supplier_id, plain_number
            order by created_at, id
        ) as same_number,
        row_number() over (
            partition by company_id, supplier_id, date, currency_amount
            order by created_at, id
        ) as same_amount
    from plain
)

select
    counted.company_id,
    counted.company_name,
    'error' as severity,
    counted.date,
    counted.invoice_number as document,
    null::text as account_number,
    counted.amount,
    format(
        'La facture %s du fournisseur %s (%s) semble saisie deux fois.',
        counted.invoice_number, coalesce(supplier.supplier_name, '?'), {{ pennylane_amount_fr('counted.amount') }}
    ) as sentence_fr,
    format(
        'The invoice %s of the supplier %s (%s) looks entered twice.',
        counted.invoice_number, coalesce(supplier.supplier_name, '?'), {{ pennylane_amount_en('counted.amount') }}
    ) as sentence_en,
    jsonb_build_object('supplier_invoice_id', counted.id, 'supplier_id', counted.supplier_id) as ids
from counted
left join {{ ref('stg_pennylane__suppliers') }} as supplier
    on supplier.company_id = counted.company_id and supplier.id = counted.supplier_id
where counted.same_number > 1 and counted.plain_number is not null
    or counted.same_amount > 1 and counted.date is not null and counted.currency_amount <> 0
