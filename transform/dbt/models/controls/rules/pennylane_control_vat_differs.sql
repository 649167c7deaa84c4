-- The VAT of an invoice's entry (445) is the VAT of the invoice. Tax that a buyer owes himself cancels out.
{{ config(materialized='ephemeral') }}
with posted as (
    select
        company_id,
        ledger_entry_id,
        coalesce(-sum(balance) filter (where account_number like '445%'), 0) as tax
    from {{ ref('pennylane', 'pennylane_control_parties') }}
    group by company_id, ledger_entry_id
)

select
    document.company_id,
    document.company_name,
    'error' as severity,
    document.date,
    document.invoice_number as document,
    '445' as account_number,
    posted.tax - document.tax as amount,
    format(
        'Facture %s : TVA de %s dans l''écriture, de %s sur la facture.', document.invoice_number,
        {{ pennylane_amount_fr('abs(posted.tax)') }}, {{ pennylane_amount_fr('abs(document.tax)') }}
    ) as sentence_fr,
    format(
        'Invoice %s: VAT of %s in its entry, of %s on the invoice.', document.invoice_number,
        {{ pennylane_amount_en('abs(posted.tax)') }}, {{ pennylane_amount_en('abs(document.tax)') }}
    ) as sentence_en,
    jsonb_build_object(document.kind || '_invoice_id', document.id, 'ledger_entry_id', document.ledger_entry_id) as ids
from {{ ref('pennylane', 'pennylane_control_documents') }} as document
inner join posted
    on posted.company_id = document.company_id and posted.ledger_entry_id = document.ledger_entry_id
where posted.tax <> document.tax
