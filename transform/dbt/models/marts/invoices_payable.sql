-- Aged balance of suppliers: one row per supplier invoice or credit note that is not settled.
select
    invoice.company_id,
    invoice.company_name,
    coalesce(supplier.supplier_name, {{ pennylane_name_in_label('invoice.invoice_label') }}) as supplier_name,
    invoice.invoice_number,
    invoice.date as invoice_date,
    invoice.due_date,
    {{ pennylane_aged('invoice') }},
    invoice.amount,
    invoice.currency,
    invoice.payment_status,
    invoice.accounting_status,
    coalesce(invoice.accounting_status = 'archived', false) or invoice.archived_at is not null as is_archived,
    invoice.supplier_id,
    invoice.id as supplier_invoice_id,
    invoice.ledger_entry_id
from {{ ref('stg_pennylane__supplier_invoices') }} as invoice
left join {{ ref('stg_pennylane__suppliers') }} as supplier
    on supplier.company_id = invoice.company_id and supplier.id = invoice.supplier_id
where invoice.remaining_amount_with_tax <> 0
    and invoice.paid is not true
    and invoice.payment_status is distinct from 'paid_offline'
    and {{ pennylane_is_received('invoice') }}
