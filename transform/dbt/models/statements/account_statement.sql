-- The general ledger by account (grand livre): every line with the account's running balance, the lettering and the
-- counterpart. Income and expenses start at zero in each fiscal year. Query one account at a time.
with line as (
    select
        line.*,
        journal.journal_code,
        {{ pennylane_repeats('line') }} as is_repeated,
        {{ pennylane_lettered_as('line') }} as lettered_as
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    left join {{ ref('stg_pennylane__journals') }} as journal
        on journal.company_id = line.company_id and journal.id = line.journal_id
),

running as (
    select
        line.*,
        year.start_date as fiscal_year_start,
        sum(line.debit - line.credit) over (
            partition by
                line.company_id,
                line.account_number,
                case when left(line.account_number, 1) in ('6', '7') then year.start_date end
            order by line.date, line.id
        ) as running_balance
    from line
    left join {{ ref('stg_pennylane__fiscal_years') }} as year
        on year.company_id = line.company_id and line.date between year.start_date and year.end_date
    where not line.is_repeated
)

select
    running.company_id,
    running.company_name,
    running.fiscal_year_start,
    running.account_number,
    account.account_label,
    running.date,
    running.journal_code,
    entry.piece_number,
    entry.invoice_number,
    coalesce(nullif(running.line_label, ''), entry.entry_label) as line_label,
    running.debit,
    running.credit,
    running.running_balance,
    case when running.lettered_ledger_entry_lines_ids <> '[]' then 'L' || running.lettered_as end as lettering_code,
    (
        select string_agg(distinct other.account_number, ', ' order by other.account_number)
        from {{ ref('stg_pennylane__ledger_entry_lines') }} as other
        where other.company_id = running.company_id
            and other.ledger_entry_id = running.ledger_entry_id
            and sign(other.debit - other.credit) = -sign(running.debit - running.credit)
    ) as counterpart_accounts,
    running.id as ledger_entry_line_id,
    running.ledger_entry_id
from running
left join {{ ref('stg_pennylane__ledger_entries') }} as entry
    on entry.company_id = running.company_id and entry.id = running.ledger_entry_id
left join {{ ref('stg_pennylane__ledger_accounts') }} as account
    on account.company_id = running.company_id and account.id = running.ledger_account_id
