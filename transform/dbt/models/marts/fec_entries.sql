-- The entries of the FEC, with their numbers. Only entries with lines are numbered: one without would leave a gap.
{{ config(pre_hook='{{ pennylane_fec_prepare() }}') }}

with entry as (
    select company_id, company_name, ledger_entry_id as id, min(date) as date
    from {{ ref('stg_pennylane__ledger_entry_lines') }}
    group by company_id, company_name, ledger_entry_id
),

left_out as (
    select company_id, id from {{ ref('stg_pennylane__ledger_entries') }} where status in ('draft', 'archived')
    union all
    -- Entries that only move the balances of classes 6 and 7 to the result.
    select result.company_id, result.ledger_entry_id as id
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as result
    inner join {{ ref('stg_pennylane__ledger_entry_lines') }} as line
        on line.company_id = result.company_id and line.ledger_entry_id = result.ledger_entry_id
    where result.account_number like '12%'
    group by result.company_id, result.ledger_entry_id
    having bool_or(line.account_number ~ '^[67]') and bool_and(line.account_number ~ '^(6|7|12)')
),

listed as (
    select
        entry.company_id,
        entry.company_name,
        entry.id,
        entry.date,
        fiscal_year.start_date,
        fiscal_year.end_date,
        opening.ledger_entry_id is not null as is_opening
    from entry
    left join {{ ref('pennylane', 'opening_entries') }} as opening
        on opening.company_id = entry.company_id and opening.ledger_entry_id = entry.id
    left join {{ ref('stg_pennylane__fiscal_years') }} as fiscal_year
        on fiscal_year.company_id = entry.company_id
        and entry.date between fiscal_year.start_date and fiscal_year.end_date
    where not exists (
        select from left_out
        where left_out.company_id = entry.company_id and left_out.id = entry.id
    )
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
    listed.id as ledger_entry_id
from listed
left join {{ pennylane_fec_numbers() }} as kept
    on kept.company_id = listed.company_id
    and kept.fiscal_year_end = listed.end_date
    and kept.ledger_entry_id = listed.id
left join last
    on last.company_id = listed.company_id and last.fiscal_year_end = listed.end_date
