-- The suspense accounts 471 to 475 and the internal transfers 58 must be cleared.
{{ config(materialized='ephemeral') }}
select
    company_id,
    company_name,
    'warning' as severity,
    last_date as date,
    null::text as document,
    account_number,
    balance as amount,
    format('Le compte d''attente %s n''est pas soldé : %s.', account_number, {{ pennylane_amount_fr('balance') }})
        as sentence_fr,
    format('The suspense account %s is not cleared: %s.', account_number, {{ pennylane_amount_en('balance') }})
        as sentence_en,
    jsonb_build_object('account_number', account_number) as ids
from {{ ref('pennylane', 'pennylane_control_positions') }}
where account_number ~ '^(47[1-5]|58)' and balance <> 0
