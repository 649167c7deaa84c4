{#- One row per customer or supplier: what was invoiced, in euros, and what is open today.

    party: customer or supplier.
    issued: the condition for an invoice that counts. -#}
{%- macro pennylane_party_summary(party, issued) -%}
with invoice as (
    select
        invoice.company_id,
        invoice.company_name,
        invoice.{{ party }}_id as id,
        -- A document without a third party names it in its label.
        coalesce(
            party.{{ party }}_name,
            substring(invoice.invoice_label from '^Facture (.+) - .+$'),
            invoice.invoice_label,
            ''
        ) as name,
        invoice.date,
        coalesce(invoice.due_date, invoice.date) as due_date,
        invoice.amount,
        coalesce(invoice.tax, 0) as tax,
        case when invoice.paid then 0 else coalesce(invoice.remaining_amount_with_tax, 0) end as remaining,
        {{ pennylane_today() }} - invoice.date as age
    from {{ ref('stg_pennylane__' ~ party ~ '_invoices') }} as invoice
    left join {{ ref('stg_pennylane__' ~ party ~ 's') }} as party
        on party.company_id = invoice.company_id and party.id = invoice.{{ party }}_id
    where {{ issued }}
)

select
    company_id,
    company_name,
    name as {{ party }}_name,
    count(*) filter (where amount >= 0) as invoices,
    count(*) filter (where amount < 0) as credit_notes,
    min(date) as first_date,
    max(date) as last_date,
    sum(amount - tax) as amount_before_tax,
    sum(tax) as tax,
    sum(amount) as amount,
    coalesce(sum(amount - tax) filter (where age between 0 and 364), 0) as last_12_months_before_tax,
    coalesce(sum(amount - tax) filter (where age between 365 and 729), 0) as previous_12_months_before_tax,
    coalesce(sum(remaining) filter (where remaining > 0), 0) as open_amount,
    coalesce(sum(remaining) filter (where remaining > 0 and due_date < {{ pennylane_today() }}), 0) as overdue_amount,
    coalesce(sum(remaining) filter (where remaining < 0), 0) as open_credits,
    id as {{ party }}_id
from invoice
group by company_id, company_name, id, name
{%- endmacro -%}
