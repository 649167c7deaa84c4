-- Customer invoices must be numbered without a gap. Series of which most numbers are missing are not numbered here.
{{ config(materialized='ephemeral') }}
with numbered as (
    select
        company_id,
        company_name,
        id,
        invoice_number,
        date,
        rtrim(invoice_number, '0123456789') as series,
        right(substr(invoice_number, length(rtrim(invoice_number, '0123456789')) + 1), 15)::bigint as number
    from {{ ref('stg_pennylane__customer_invoices') }}
    where draft is not true and coalesce(status, '') <> 'draft' and invoice_number <> rtrim(invoice_number, '0123456789')
),

followed as (
    select
        numbered.*,
        lag(number) over in_series as former_number,
        lag(invoice_number) over in_series as former,
        2 * count(*) over whole >= max(number) over whole - min(number) over whole as is_dense
    from numbered
    window
        in_series as (partition by company_id, series order by number),
        whole as (partition by company_id, series)
)

select
    company_id,
    company_name,
    'error' as severity,
    date,
    invoice_number as document,
    null::text as account_number,
    null::numeric as amount,
    format('Il manque %s numéro(s) de facture entre %s et %s.', number - former_number - 1, former, invoice_number)
        as sentence_fr,
    format('%s invoice number(s) are missing between %s and %s.', number - former_number - 1, former, invoice_number)
        as sentence_en,
    jsonb_build_object('customer_invoice_id', id) as ids
from followed
where number > former_number + 1 and is_dense
