-- Aged balance of suppliers: one row per supplier invoice or credit note that is not settled. An invoice
-- marked as paid may still have a remaining amount.
select
    invoice.company_id,
    invoice.company_name,
    supplier.supplier_name,
    invoice.invoice_number,
    invoice.date as invoice_date,
    invoice.due_date,
    {{ pennylane_aged('invoice') }},
    invoice.amount,
    invoice.currency,
    invoice.payment_status,
    invoice.accounting_status,
    invoice.supplier_id,
    invoice.id as supplier_invoice_id,
    invoice.ledger_entry_id
from {{ ref('stg_pennylane__supplier_invoices') }} as invoice
left join {{ ref('stg_pennylane__suppliers') }} as supplier
    on supplier.company_id = invoice.company_id and supplier.id = invoice.supplier_id
where invoice.remaining_amount_with_tax <> 0
    and invoice.paid is not true
    and invoice.payment_status is distinct from 'paid_offline'
    and invoice.archived_at is null
    and coalesce(invoice.accounting_status, '') not in ('archived', 'draft')
