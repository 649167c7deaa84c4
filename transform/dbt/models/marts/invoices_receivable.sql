-- Aged balance of customers: one row per issued invoice or credit note that is not settled.
select
    invoice.company_id,
    invoice.company_name,
    coalesce(customer.customer_name, {{ pennylane_name_in_label('invoice.invoice_label') }}) as customer_name,
    invoice.invoice_number,
    invoice.date as invoice_date,
    invoice.due_date,
    {{ pennylane_aged('invoice') }},
    invoice.amount,
    invoice.currency,
    invoice.status,
    coalesce(invoice.status = 'archived', false) or invoice.archived_at is not null as is_archived,
    customer.emails,
    invoice.customer_id,
    invoice.id as customer_invoice_id,
    invoice.ledger_entry_id
from {{ ref('stg_pennylane__customer_invoices') }} as invoice
left join {{ ref('stg_pennylane__customers') }} as customer
    on customer.company_id = invoice.company_id and customer.id = invoice.customer_id
where invoice.remaining_amount_with_tax <> 0
    and invoice.paid is not true
    and {{ pennylane_is_issued('invoice') }}
