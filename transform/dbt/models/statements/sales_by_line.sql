-- One row per line of an issued customer invoice or credit note, in euros.
select
    line.company_id,
    line.company_name,
    invoice.date,
    customer.customer_name,
    invoice.invoice_number,
    product.product_label,
    product.reference as product_reference,
    line.line_label,
    line.quantity,
    line.unit,
    line.amount - line.tax as amount_before_tax,
    line.tax,
    line.amount,
    line.vat_rate,
    line.substance,
    invoice.currency,
    line.currency_amount,
    invoice.customer_id,
    line.product_id,
    line.customer_invoice_id,
    line.id as customer_invoice_line_id
from {{ ref('stg_pennylane__customer_invoice_lines') }} as line
inner join {{ ref('stg_pennylane__customer_invoices') }} as invoice
    on invoice.company_id = line.company_id and invoice.id = line.customer_invoice_id
left join {{ ref('stg_pennylane__customers') }} as customer
    on customer.company_id = invoice.company_id and customer.id = invoice.customer_id
left join {{ ref('stg_pennylane__products') }} as product
    on product.company_id = line.company_id and product.id = line.product_id
where {{ pennylane_is_issued('invoice') }}
