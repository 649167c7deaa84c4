-- The VAT of an invoice's entry (445) is the VAT of the invoice. Tax that a buyer owes himself cancels out.
{{ config(materialized='ephemeral') }}
with posted as (
    select company_id, ledger_entry_id, sum(credit - debit) as tax
    from {{ ref('stg_pennylane__ledger_entry_lines') }}
    where account_number like '445%'
    group by company_id, ledger_entry_id
)

select
    document.company_id,
    document.company_name,
    'error' as severity,
    document.date,
    document.invoice_number as document,
    '445' as account_number,
    coalesce(posted.tax, 0) - document.tax as amount,
    format(
        'Facture %s : TVA de %s dans l''écriture, de %s sur la facture.', document.invoice_number,
        {{ pennylane_amount_fr('abs(coalesce(posted.tax, 0))') }}, {{ pennylane_amount_fr('abs(document.tax)') }}
    ) as sentence_fr,
    format(
        'Invoice %s: VAT of %s in its entry, of %s on the invoice.', document.invoice_number,
        {{ pennylane_amount_en('abs(coalesce(posted.tax, 0))') }}, {{ pennylane_amount_en('abs(document.tax)') }}
    ) as sentence_en,
    jsonb_build_object(document.kind || '_invoice_id', document.id, 'ledger_entry_id', document.ledger_entry_id) as ids
from {{ ref('pennylane', 'pennylane_control_documents') }} as document
left join posted
    on posted.company_id = document.company_id and posted.ledger_entry_id = document.ledger_entry_id
where coalesce(posted.tax, 0) <> document.tax
    -- An entry without a third party or VAT is not the invoice's alone.
    and (
        posted.tax is not null
        or exists (
            select from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
            where line.company_id = document.company_id
                and line.ledger_entry_id = document.ledger_entry_id
                and line.account_number ~ '^4[0126]'
        )
    )
