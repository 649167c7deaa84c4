-- No two customer invoices may have the same number.
{{ config(materialized='ephemeral') }}
select
    company_id,
    company_name,
    'error' as severity,
    max(date) as date,
    min(invoice_number) as document,
    null::text as account_number,
    max(amount) as amount,
    format('Le numéro de facture %s est utilisé %s fois.', min(invoice_number), count(*)) as sentence_fr,
    format('The invoice number %s is used %s times.', min(invoice_number), count(*)) as sentence_en,
    jsonb_build_object('customer_invoice_ids', jsonb_agg(id order by id)) as ids
from {{ ref('stg_pennylane__customer_invoices') }}
where draft is not true and coalesce(status, '') <> 'draft' and invoice_number <> ''
group by company_id, company_name, upper(btrim(invoice_number))
having count(*) > 1
