-- One row per ledger entry line, with its entry, journal and account.
select
    line.company_id,
    line.company_name,
    line.date,
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
    -- The ledger's very first opening balances repeat nothing.
    {{ pennylane_carries_forward('journal') }} and line.date > (
        select min(first.date) from {{ ref('stg_pennylane__ledger_entry_lines') }} as first
        where first.company_id = line.company_id
    ) as is_carried_forward,
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
