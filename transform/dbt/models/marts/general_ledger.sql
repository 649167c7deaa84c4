-- One row per ledger entry line, with its entry, journal and account.
select
    line.company_id,
    line.company_name,
    line.date,
    {{ pennylane_fiscal_year_of('line', 'line.date') }} as fiscal_year_start,
    journal.journal_code,
    journal.journal_label,
    line.account_number,
    account.account_label,
    left(line.account_number, 1) as account_class,
    entry.piece_number,
    entry.invoice_number,
    entry.entry_label,
    line.line_label,
    line.debit,
    line.credit,
    line.debit - line.credit as balance,
    line.lettered_ledger_entry_lines_ids <> '[]' as is_lettered,
    {{ pennylane_repeats('line') }} as is_carried_forward,
    coalesce(
        case
            when line.account_number >= '12' and line.account_number < '13'
                or line.account_number >= '6' and line.account_number < '8'
                then (line.company_id, line.ledger_entry_id) in {{ pennylane_closing_entries() }}
        end,
        false
    ) as is_closing,
    {{ pennylane_counts('entry.status') }} as is_counted,
    (
        select string_agg(category.category_label, ', ' order by share.place)
        from jsonb_array_elements(line.categories) with ordinality as share (item, place)
        inner join {{ ref('stg_pennylane__categories') }} as category
            on category.company_id = line.company_id and category.id = (share.item ->> 'id')::bigint
    ) as categories,
    entry.status as entry_status,
    entry.due_date,
    line.id as ledger_entry_line_id,
    line.ledger_entry_id,
    line.journal_id,
    line.ledger_account_id,
    line._loaded_at
from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
left join {{ ref('stg_pennylane__ledger_entries') }} as entry
    on entry.company_id = line.company_id and entry.id = line.ledger_entry_id
left join {{ ref('stg_pennylane__journals') }} as journal
    on journal.company_id = line.company_id and journal.id = line.journal_id
left join {{ ref('stg_pennylane__ledger_accounts') }} as account
    on account.company_id = line.company_id and account.id = line.ledger_account_id
