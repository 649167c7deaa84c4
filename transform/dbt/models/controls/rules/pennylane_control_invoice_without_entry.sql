-- An issued or received invoice is in the ledger.
{{ config(materialized='ephemeral') }}
select
    document.company_id,
    document.company_name,
    'error' as severity,
    document.date,
    document.invoice_number as document,
    null::text as account_number,
    document.amount,
    format(
        'La facture %s (%s) n''a pas d''écriture.',
        document.invoice_number, {{ pennylane_amount_fr('document.amount') }}
    ) as sentence_fr,
    format(
        'The invoice %s (%s) has no ledger entry.',
        document.invoice_number, {{ pennylane_amount_en('document.amount') }}
    ) as sentence_en,
    jsonb_build_object(document.kind || '_invoice_id', document.id, 'ledger_entry_id', document.ledger_entry_id) as ids
from {{ ref('pennylane', 'pennylane_control_documents') }} as document
where document.amount <> 0
    and not exists (
        select from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
        where line.company_id = document.company_id and line.ledger_entry_id = document.ledger_entry_id
    )
