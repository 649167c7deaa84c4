-- A bank transaction is in the ledger 30 days later: its account has a line of the same day and amount.
{{ config(materialized='ephemeral') }}
with movement as (
    select
        movement.company_id,
        movement.company_name,
        movement.id,
        movement.bank_account_id,
        movement.transaction_label,
        movement.date,
        movement.amount,
        movement.archived_at,
        account.account_number
    from {{ ref('stg_pennylane__transactions') }} as movement
    inner join {{ ref('stg_pennylane__bank_accounts') }} as bank
        on bank.company_id = movement.company_id and bank.id = movement.bank_account_id
    inner join {{ ref('stg_pennylane__ledger_accounts') }} as account
        on account.company_id = bank.company_id and account.id = bank.ledger_account_id
    where movement.amount <> 0
),

-- Days and amounts with more transactions than lines.
short as (
    select company_id, account_number, date, amount, sum(excess) as missing
    from (
        select company_id, account_number, date, amount, 1 as excess from movement
        union all
        select company_id, account_number, date, debit - credit, -1
        from {{ ref('stg_pennylane__ledger_entry_lines') }}
        where account_number like '5%'
    ) as both_sides
    group by company_id, account_number, date, amount
    having sum(excess) > 0
),

found as (
    select
        movement.*,
        short.missing,
        row_number() over (
            partition by movement.company_id, movement.account_number, movement.date, movement.amount
            order by movement.archived_at nulls first, movement.id desc
        ) as place
    from short
    inner join movement
        on movement.company_id = short.company_id
        and movement.account_number = short.account_number
        and movement.date = short.date
        and movement.amount = short.amount
)

select
    found.company_id,
    found.company_name,
    'warning' as severity,
    found.date,
    found.transaction_label as document,
    found.account_number,
    found.amount,
    format(
        'Le mouvement bancaire du %s (%s, %s) n''est pas comptabilisé.', {{ pennylane_day_fr('found.date') }},
        coalesce(found.transaction_label, '?'), {{ pennylane_amount_fr('found.amount') }}
    ) as sentence_fr,
    format(
        'The bank transaction of %s (%s, %s) has no ledger entry.', {{ pennylane_day_en('found.date') }},
        coalesce(found.transaction_label, '?'), {{ pennylane_amount_en('found.amount') }}
    ) as sentence_en,
    jsonb_build_object('transaction_id', found.id, 'bank_account_id', found.bank_account_id) as ids
from found
inner join {{ ref('pennylane', 'pennylane_control_days') }} as day on day.company_id = found.company_id
where found.place <= found.missing and found.archived_at is null and found.date < day.as_of - 30
