-- The bank and its account in the ledger (rapprochement bancaire): one row per bank account and month in which
-- either of them moved. A transaction is in the ledger if a line of the same day and amount is.
with account as (
    select
        bank.company_id,
        bank.company_name,
        bank.id as bank_account_id,
        bank.bank_account_name,
        ledger.account_number,
        -- The ledger is in euros.
        case when coalesce(bank.currency, 'EUR') = 'EUR' then bank.balance end as balance
    from {{ ref('stg_pennylane__bank_accounts') }} as bank
    left join {{ ref('stg_pennylane__ledger_accounts') }} as ledger
        on ledger.company_id = bank.company_id and ledger.id = bank.ledger_account_id
),

-- 500.0 and 500.00 are grouped together; without its zeros, the amount of the group is always written alike.
movement as (
    select company_id, bank_account_id, date, trim_scale(amount) as amount, 1 as in_bank, 0 as in_ledger, false as is_opening
    from {{ ref('stg_pennylane__transactions') }}
    union all
    select
        account.company_id,
        account.bank_account_id,
        line.date,
        trim_scale(line.balance),
        0,
        1,
        line.is_opening
    from account
    inner join (
        select
            line.company_id,
            line.account_number,
            line.date,
            line.debit - line.credit as balance,
            {{ pennylane_line_is_of('line', pennylane_opening_entries()) }} as is_opening,
            {{ pennylane_repeats('line') }} as is_repeated
        from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
        -- An array, because PostgreSQL cannot estimate how many lines these are, and a join would suffer from it.
        where line.account_number = any (array(select account_number from account))
            and {{ pennylane_line_counts('line') }}
    ) as line
        on line.company_id = account.company_id and line.account_number = account.account_number
    where not line.is_repeated
),

paired as (
    select
        company_id,
        bank_account_id,
        date,
        is_opening,
        amount * sum(in_bank) as in_bank,
        amount * sum(in_ledger) as in_ledger,
        amount * greatest(sum(in_bank) - sum(in_ledger), 0) as not_in_ledger,
        case when is_opening then 0 else amount * greatest(sum(in_ledger) - sum(in_bank), 0) end as not_in_bank
    from movement
    group by company_id, bank_account_id, date, amount, is_opening
),

monthly as (
    select
        company_id,
        bank_account_id,
        date_trunc('month', date::timestamp)::date as month,
        sum(in_bank) as in_bank,
        sum(in_ledger) as in_ledger,
        sum(not_in_ledger) as not_in_ledger,
        sum(not_in_bank) as not_in_bank
    from paired
    group by company_id, bank_account_id, 3
),

ended as (
    select
        account.*,
        monthly.month,
        monthly.in_bank,
        monthly.in_ledger,
        account.balance - sum(monthly.in_bank) over whole + sum(monthly.in_bank) over so_far as bank_balance,
        sum(monthly.in_ledger) over so_far as ledger_balance,
        sum(monthly.not_in_ledger) over so_far as not_in_ledger,
        sum(monthly.not_in_bank) over so_far as not_in_bank
    from monthly
    inner join account
        on account.company_id = monthly.company_id and account.bank_account_id = monthly.bank_account_id
    window
        whole as (partition by account.company_id, account.bank_account_id),
        so_far as (partition by account.company_id, account.bank_account_id order by monthly.month)
)

select
    company_id,
    company_name,
    month,
    bank_account_name,
    account_number,
    in_bank as bank_movements,
    in_ledger as ledger_movements,
    bank_balance,
    ledger_balance,
    bank_balance - ledger_balance as difference,
    not_in_ledger,
    not_in_bank,
    bank_balance - ledger_balance - not_in_ledger + not_in_bank as unexplained,
    bank_account_id
from ended
