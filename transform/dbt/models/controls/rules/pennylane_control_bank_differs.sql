-- The account 512 of a bank account in euros holds what the bank says.
{{ config(materialized='ephemeral') }}
with bank as (
    select
        bank.company_id,
        bank.company_name,
        account.account_number,
        sum(bank.balance) as balance,
        string_agg(bank.bank_account_name, ', ' order by bank.id) as name,
        jsonb_agg(bank.id order by bank.id) as ids
    from {{ ref('stg_pennylane__bank_accounts') }} as bank
    inner join {{ ref('stg_pennylane__ledger_accounts') }} as account
        on account.company_id = bank.company_id and account.id = bank.ledger_account_id
    group by bank.company_id, bank.company_name, account.account_number
    having bool_and(coalesce(bank.currency, 'EUR') = 'EUR')
)

select
    bank.company_id,
    bank.company_name,
    'error' as severity,
    position.last_date as date,
    bank.name as document,
    bank.account_number,
    coalesce(position.balance, 0) - bank.balance as amount,
    format(
        'Compte %s : solde comptable de %s, solde bancaire de %s.', bank.account_number,
        {{ pennylane_amount_fr('coalesce(position.balance, 0)') }}, {{ pennylane_amount_fr('bank.balance') }}
    ) as sentence_fr,
    format(
        'Account %s: %s in the ledger, %s at the bank.', bank.account_number,
        {{ pennylane_amount_en('coalesce(position.balance, 0)') }}, {{ pennylane_amount_en('bank.balance') }}
    ) as sentence_en,
    jsonb_build_object('account_number', bank.account_number, 'bank_account_ids', bank.ids) as ids
from bank
left join {{ ref('pennylane', 'pennylane_control_positions') }} as position
    on position.company_id = bank.company_id and position.account_number = bank.account_number
where coalesce(position.balance, 0) <> bank.balance
