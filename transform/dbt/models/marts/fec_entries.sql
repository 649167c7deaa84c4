-- The entries of the FEC, with their numbers. Only entries with lines are numbered: one without would leave a gap.
{{ config(pre_hook='{{ pennylane_fec_prepare() }}') }}

with entry as (
    select
        company_id,
        min(company_name) as company_name,
        ledger_entry_id as id,
        min(date) as date,
        min(journal_id) as journal_id,
        -- It only moves the balances of classes 6 and 7 to the result.
        bool_and(left(account_number, 1) in ('6', '7') or left(account_number, 2) = '12')
        and bool_or(left(account_number, 1) in ('6', '7'))
        and bool_or(left(account_number, 2) = '12') as closes
    from {{ ref('stg_pennylane__ledger_entry_lines') }}
    group by company_id, ledger_entry_id
),

listed as (
    select
        entry.company_id,
        entry.company_name,
        entry.id,
        entry.date,
        fiscal_year.start_date,
        fiscal_year.end_date,
        {{ pennylane_carries_forward('journal') }} as is_opening,
        document.status = 'complete' or fiscal_year.status in ('closed', 'frozen') as is_validated,
        coalesce(nullif(trim(document.invoice_number), ''), nullif(trim(document.piece_number), '')) as reference,
        document.entry_label
    from entry
    left join {{ ref('stg_pennylane__ledger_entries') }} as document
        on document.company_id = entry.company_id and document.id = entry.id
    left join {{ ref('stg_pennylane__journals') }} as journal
        on journal.company_id = entry.company_id and journal.id = entry.journal_id
    left join {{ ref('stg_pennylane__fiscal_years') }} as fiscal_year
        on fiscal_year.company_id = entry.company_id
        and entry.date between fiscal_year.start_date and fiscal_year.end_date
    where not coalesce(entry.closes, false)
        and coalesce(document.status, '') not in ('draft', 'archived')
),

last as (
    select company_id, fiscal_year_end, max(number) as number
    from {{ pennylane_fec_numbers() }}
    group by company_id, fiscal_year_end
)

select
    listed.company_id,
    listed.company_name,
    listed.start_date as fiscal_year_start,
    listed.end_date as fiscal_year_end,
    coalesce(
        kept.number,
        coalesce(last.number, 0) + row_number() over (
            partition by listed.company_id, listed.end_date, kept.number is null
            order by listed.is_opening desc, listed.date, listed.id
        )
    ) as number,
    listed.date,
    listed.is_opening,
    listed.is_validated,
    listed.reference,
    listed.entry_label,
    listed.id as ledger_entry_id
from listed
left join {{ pennylane_fec_numbers() }} as kept
    on kept.company_id = listed.company_id
    and kept.fiscal_year_end = listed.end_date
    and kept.ledger_entry_id = listed.id
left join last
    on last.company_id = listed.company_id and last.fiscal_year_end = listed.end_date
