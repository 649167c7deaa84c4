-- A bank transaction is in the ledger 30 days later: its account has a line of the same day and amount.
{{ config(materialized='ephemeral') }}
with movement as (
    select
        movement.*,
        account.account_number,
        row_number() over (
            partition by movement.company_id, account.account_number, movement.date, movement.amount
            order by movement.id
        ) as place
    from {{ ref('stg_pennylane__transactions') }} as movement
    inner join {{ ref('stg_pennylane__bank_accounts') }} as bank
        on bank.company_id = movement.company_id and bank.id = movement.bank_account_id
    inner join {{ ref('stg_pennylane__ledger_accounts') }} as account
        on account.company_id = bank.company_id and account.id = bank.ledger_account_id
    where movement.amount <> 0
),

line as (
    select
        company_id,
        account_number,
        date,
        debit - credit as amount,
        row_number() over (partition by company_id, account_number, date, debit - credit order by id) as place
    from {{ ref('stg_pennylane__ledger_entry_lines') }}
    where account_number >= '51' and account_number < '54'
)

select
    movement.company_id,
    movement.company_name,
    'warning' as severity,
    movement.date,
    movement.transaction_label as document,
    movement.account_number,
    movement.amount,
    format(
        'Le mouvement bancaire du %s (%s, %s) n''est pas comptabilisé.', {{ pennylane_day_fr('movement.date') }},
        coalesce(movement.transaction_label, '?'), {{ pennylane_amount_fr('movement.amount') }}
    ) as sentence_fr,
    format(
        'The bank transaction of %s (%s, %s) has no ledger entry.', {{ pennylane_day_en('movement.date') }},
        coalesce(movement.transaction_label, '?'), {{ pennylane_amount_en('movement.amount') }}
    ) as sentence_en,
    jsonb_build_object('transaction_id', movement.id, 'bank_account_id', movement.bank_account_id) as ids
from movement
inner join {{ ref('pennylane', 'pennylane_control_days') }} as day on day.company_id = movement.company_id
left join line
    on line.company_id = movement.company_id
    and line.account_number = movement.account_number
    and line.date = movement.date
    and line.amount = movement.amount
    and line.place = movement.place
where line.place is null and movement.archived_at is null and movement.date < day.as_of - 30
