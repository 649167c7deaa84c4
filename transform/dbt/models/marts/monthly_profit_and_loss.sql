-- Income and expenses by month and class of the French chart of accounts (plan comptable général).
select
    date_trunc('month', line.date)::date as month,
    left(line.account_number, 1) as account_class,
    case left(line.account_number, 1) when '6' then 'Charges' else 'Produits' end as class_label,
    left(line.account_number, 2) as account_subclass,
    {{ pcg_label('left(line.account_number, 2)') }} as subclass_label,
    sum(line.debit) as debits,
    sum(line.credit) as credits,
    -- What it adds to the result: income above zero, expenses below.
    sum(line.credit) - sum(line.debit) as result
from {{ ref('stg_ledger_entry_lines') }} as line
where line.account_number >= '6' and line.account_number < '8'
group by 1, 2, 3, 4, 5
