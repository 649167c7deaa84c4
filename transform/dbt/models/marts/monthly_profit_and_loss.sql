-- Income and expenses by month and class of the French chart of accounts (plan comptable général).
select
    line.company_id,
    line.company_name,
    date_trunc('month', line.date)::date as month,
    left(line.account_number, 1) as account_class,
    case left(line.account_number, 1) when '6' then 'Charges' else 'Produits' end as class_label,
    left(line.account_number, 2) as account_subclass,
    {{ pennylane_pcg_label('left(line.account_number, 2)') }} as subclass_label,
    sum(line.debit) as debits,
    sum(line.credit) as credits,
    -- Its contribution to the result: positive for income, negative for expenses.
    sum(line.credit) - sum(line.debit) as result
from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
where line.account_number >= '6' and line.account_number < '8'
    -- The entry that closes a year transfers these accounts' balances to its result, 120 or 129.
    and not exists (
        select from {{ ref('stg_pennylane__ledger_entry_lines') }} as closing
        where closing.company_id = line.company_id
            and closing.ledger_entry_id = line.ledger_entry_id
            and closing.account_number >= '12' and closing.account_number < '13'
    )
group by 1, 2, 3, 4, 5, 6, 7
