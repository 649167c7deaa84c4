-- One row per bank account and day with a movement: the bank's balance, and the balance of its account 512.
with bank as (
    select
        bank.company_id,
        bank.company_name,
        bank.id,
        bank.bank_account_name,
        bank.currency,
        bank.balance,
        bank.ledger_account_id,
        account.account_number
    from {{ ref('stg_pennylane__bank_accounts') }} as bank
    left join {{ ref('stg_pennylane__ledger_accounts') }} as account
        on account.company_id = bank.company_id and account.id = bank.ledger_account_id
),

booked as (
    select company_id, ledger_account_id, date, sum(debit - credit) as amount
    from (
        select
            line.company_id,
            line.ledger_account_id,
            line.date,
            line.debit,
            line.credit,
            {{ pennylane_repeats('line') }} as is_repeated
        from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
        -- An array, because PostgreSQL cannot estimate how many lines these are, and a join would suffer from it.
        where line.ledger_account_id = any (array(select ledger_account_id from bank))
    ) as line
    where not is_repeated
    group by company_id, ledger_account_id, date
),

-- In the currency of the bank account.
moved as (
    select
        bank.company_id,
        bank.id,
        movement.date,
        case
            when bank.currency <> 'EUR' and movement.currency = bank.currency then movement.currency_amount
            else movement.amount
        end as amount,
        0 as booked
    from bank
    inner join {{ ref('stg_pennylane__transactions') }} as movement
        on movement.company_id = bank.company_id and movement.bank_account_id = bank.id
    union all
    select bank.company_id, bank.id, booked.date, 0, booked.amount
    from bank
    inner join booked
        on booked.company_id = bank.company_id and booked.ledger_account_id = bank.ledger_account_id
),

day as (
    select
        company_id,
        id,
        date,
        sum(greatest(amount, 0)) as money_in,
        sum(least(amount, 0)) as money_out,
        sum(amount) as amount,
        sum(booked) as booked
    from moved
    group by company_id, id, date
)

select
    bank.company_id,
    bank.company_name,
    day.date,
    bank.bank_account_name,
    bank.currency,
    bank.account_number,
    day.money_in,
    -day.money_out as money_out,
    -- Counted back from the balance that the bank reports.
    bank.balance - sum(day.amount) over whole + sum(day.amount) over sofar as bank_balance,
    sum(day.booked) over sofar as ledger_balance,
    bank.balance - sum(day.amount) over whole + sum(day.amount) over sofar - sum(day.booked) over sofar as difference,
    bank.id as bank_account_id
from day
inner join bank on bank.company_id = day.company_id and bank.id = day.id
window
    whole as (partition by day.company_id, day.id),
    sofar as (partition by day.company_id, day.id order by day.date)
