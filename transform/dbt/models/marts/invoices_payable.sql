-- Aged balance of suppliers: one row a supplier invoice or credit note that is not settled.
select
    supplier.supplier_name,
    invoice.invoice_number,
    invoice.date as invoice_date,
    invoice.due_date,
    {{ aged('invoice') }},
    invoice.amount,
    invoice.currency,
    invoice.payment_status,
    invoice.accounting_status,
    invoice.supplier_id,
    invoice.id as supplier_invoice_id,
    invoice.ledger_entry_id
from {{ ref('stg_supplier_invoices') }} as invoice
left join {{ ref('stg_suppliers') }} as supplier on supplier.id = invoice.supplier_id
where invoice.remaining_amount_with_tax <> 0
    and invoice.accounting_status is distinct from 'draft'
    and invoice.archived_at is null
    and invoice.accounting_status is distinct from 'archived'
