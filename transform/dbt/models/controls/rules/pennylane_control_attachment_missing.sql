-- Every invoice has its file.
{{ config(materialized='ephemeral') }}
select
    company_id,
    company_name,
    'info' as severity,
    date,
    invoice_number as document,
    null::text as account_number,
    amount,
    format('La facture %s n''a pas de justificatif.', invoice_number) as sentence_fr,
    format('The invoice %s has no file.', invoice_number) as sentence_en,
    jsonb_build_object(kind || '_invoice_id', id) as ids
from {{ ref('pennylane', 'pennylane_control_documents') }}
where lacks_file
