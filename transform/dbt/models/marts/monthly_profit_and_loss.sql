-- Income and expenses by month and class of the French chart of accounts (plan comptable général).
with line as (
    select
        line.*,
        {{ pennylane_line_counts('line') }} as counts
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    where line.account_number >= '6' and line.account_number < '8'
        -- The entry that closes a year transfers these accounts' balances to its result, 120 or 129.
        and not {{ pennylane_line_is_of('line', pennylane_closing_entries()) }}
)

select
    line.company_id,
    line.company_name,
    date_trunc('month', line.date)::date as month,
    coalesce(
        case extract(year from fiscal_year.start_date)
            when extract(year from fiscal_year.end_date) then to_char(fiscal_year.end_date, 'YYYY')
            else to_char(fiscal_year.start_date, 'YYYY-MM') || ' to ' || to_char(fiscal_year.end_date, 'YYYY-MM')
        end,
        'none'
    ) as fiscal_year,
    left(line.account_number, 1) as account_class,
    case left(line.account_number, 1) when '6' then 'Charges' else 'Produits' end as class_label,
    left(line.account_number, 2) as account_subclass,
    {{ pennylane_pcg_label('left(line.account_number, 2)') }} as subclass_label,
    coalesce(sum(line.debit) filter (where line.counts), 0) as debits,
    coalesce(sum(line.credit) filter (where line.counts), 0) as credits,
    -- Its contribution to the result: positive for income, negative for expenses.
    coalesce(sum(line.credit - line.debit) filter (where line.counts), 0) as result,
    coalesce(sum(line.credit - line.debit) filter (where not line.counts), 0) as left_out
from line
left join {{ ref('stg_pennylane__fiscal_years') }} as fiscal_year
    on fiscal_year.company_id = line.company_id
    and line.date between fiscal_year.start_date and fiscal_year.end_date
group by 1, 2, 3, 4, 5, 6, 7, 8
