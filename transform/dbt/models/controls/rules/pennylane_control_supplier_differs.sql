-- A supplier's account (401) holds what remains of the supplier's invoices. A payment that is matched with none differs.
{{ config(materialized='ephemeral') }}
with owed as (
    select document.company_id, line.account_number, sum(document.remaining) as remaining
    from {{ ref('pennylane', 'pennylane_control_documents') }} as document
    inner join (
        select company_id, ledger_entry_id, min(account_number) as account_number
        from {{ ref('pennylane', 'pennylane_control_parties') }}
        where account_number like '401%'
        group by company_id, ledger_entry_id
    ) as line
        on line.company_id = document.company_id and line.ledger_entry_id = document.ledger_entry_id
    where document.kind = 'supplier'
    group by document.company_id, line.account_number
)

select
    position.company_id,
    position.company_name,
    'warning' as severity,
    position.last_date as date,
    null::text as document,
    position.account_number,
    position.balance - coalesce(owed.remaining, 0) as amount,
    format(
        'Compte fournisseur %s : solde de %s, factures ouvertes de %s.', position.account_number,
        {{ pennylane_amount_fr('position.balance') }}, {{ pennylane_amount_fr('coalesce(owed.remaining, 0)') }}
    ) as sentence_fr,
    format(
        'Account of a supplier %s: balance of %s, open invoices of %s.', position.account_number,
        {{ pennylane_amount_en('position.balance') }}, {{ pennylane_amount_en('coalesce(owed.remaining, 0)') }}
    ) as sentence_en,
    jsonb_build_object('account_number', position.account_number) as ids
from {{ ref('pennylane', 'pennylane_control_positions') }} as position
left join owed on owed.company_id = position.company_id and owed.account_number = position.account_number
where position.account_number like '401%' and position.balance <> coalesce(owed.remaining, 0)
