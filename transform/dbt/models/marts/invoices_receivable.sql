-- Aged balance of customers: one row per issued invoice or credit note that is not settled. The list of invoices
-- may contain other documents, too; an invoice marked as paid may still have a remaining amount.
select
    invoice.company_id,
    invoice.company_name,
    customer.customer_name,
    invoice.invoice_number,
    invoice.date as invoice_date,
    invoice.due_date,
    {{ pennylane_aged('invoice') }},
    invoice.amount,
    invoice.currency,
    invoice.status,
    customer.emails,
    invoice.customer_id,
    invoice.id as customer_invoice_id,
    invoice.ledger_entry_id
from {{ ref('stg_pennylane__customer_invoices') }} as invoice
left join {{ ref('stg_pennylane__customers') }} as customer
    on customer.company_id = invoice.company_id and customer.id = invoice.customer_id
where invoice.remaining_amount_with_tax <> 0
    and invoice.paid is not true
    and invoice.draft is not true
    and invoice.archived_at is null
    and coalesce(invoice.status, '') not in (
        'archived', 'draft', 'proforma', 'shipping_order', 'purchasing_order',
        'estimate_pending', 'estimate_accepted', 'estimate_invoiced', 'estimate_denied'
    )
