-- Issued customer invoices and received supplier invoices, with their credit notes. What a supplier is owed, and the
-- tax on it, is negative.
{{ config(materialized='ephemeral') }}
select
    company_id,
    company_name,
    'customer' as kind,
    id,
    invoice_number,
    date,
    amount,
    tax,
    case when paid is true then 0 else remaining_amount_with_tax end as remaining,
    ledger_entry_id,
    filename is null and public_file_url is null as lacks_file
from {{ ref('stg_pennylane__customer_invoices') }}
where draft is not true
    and coalesce(status, '') not in (
        'draft', 'proforma', 'shipping_order', 'purchasing_order',
        'estimate_pending', 'estimate_accepted', 'estimate_invoiced', 'estimate_denied'
    )
union all
select
    company_id,
    company_name,
    'supplier' as kind,
    id,
    invoice_number,
    date,
    amount,
    -tax,
    case when paid is true then 0 else -remaining_amount_with_tax end,
    ledger_entry_id,
    filename is null and public_file_url is null
from {{ ref('stg_pennylane__supplier_invoices') }}
where coalesce(accounting_status, '') <> 'draft'
