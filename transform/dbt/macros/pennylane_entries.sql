{#- Kinds of entries that figures of a year or a month treat apart. -#}

{#- Whether a journal is kept for à-nouveaux: a year's opening balances, carried forward from the year before.
    The API publishes no list of journal types, so the code or the name decides, or the setting
    `pennylane_opening_journals`. -#}
{%- macro pennylane_is_for_openings(journal) -%}
coalesce(
        upper({{ journal }}.journal_code) in ('AN', 'ANO', 'ANOU', 'BO', 'OUV', 'RAN')
        or {{ journal }}.journal_code in {{ pennylane_texts(pennylane_list('pennylane_opening_journals')) }}
        or {{ journal }}.journal_label ~* '(^|[^[:alpha:]])([aàÀ][ -]*nouveau|ouverture)'
        or {{ journal }}.journal_type ~* 'carry|opening|nouveau',
        false
    )
{%- endmacro -%}

{#- The entries that transfer the balances of classes 6 and 7 to the result of their year, 120 or 129. -#}
{%- macro pennylane_closing_entries() -%}
(
    select closing.company_id, closing.ledger_entry_id
    from (
        select distinct line.company_id, line.ledger_entry_id
        from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
        where line.account_number like '12%'
    ) as closing
    where exists (
        select from {{ ref('stg_pennylane__ledger_entry_lines') }} as closed
        where closed.company_id = closing.company_id
            and closed.ledger_entry_id = closing.ledger_entry_id
            and closed.account_number >= '6' and closed.account_number < '8'
    )
)
{%- endmacro -%}

{#- The entries that open a year. -#}
{%- macro pennylane_opening_entries() -%}
(select opening.company_id, opening.ledger_entry_id from {{ ref('pennylane', 'opening_entries') }} as opening)
{%- endmacro -%}

{#- The entries that settle a VAT return or pay it: a line on 4455 or 44567, and none of an operation, which has
    a customer, a supplier, income or expenses. Differences of rounding (658, 758) are no operation. -#}
{%- macro pennylane_vat_settlements() -%}
(
    select settled.company_id, settled.ledger_entry_id
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as settled
    where (settled.account_number like '4455%' or settled.account_number like '44567%')
        and not exists (
            select from {{ ref('stg_pennylane__ledger_entry_lines') }} as operation
            where operation.company_id = settled.company_id
                and operation.ledger_entry_id = settled.ledger_entry_id
                and operation.account_number ~ '^(40|41|6|7)'
                and operation.account_number !~ '^(658|758)'
        )
    group by settled.company_id, settled.ledger_entry_id
)
{%- endmacro -%}

{#- The fiscal year of a day, as SQL: its first day, null if it is in none. -#}
{%- macro pennylane_fiscal_year_of(row, day) -%}
(
        select max(fiscal_year.start_date)
        from {{ ref('stg_pennylane__fiscal_years') }} as fiscal_year
        where fiscal_year.company_id = {{ row }}.company_id
            and {{ day }} between fiscal_year.start_date and fiscal_year.end_date
    )
{%- endmacro -%}

{#- The days on which any company's fiscal year begins or has ended, as one array `days`: a line belongs to a year by its
    place among them, which is quicker than a join. -#}
{%- macro pennylane_year_boundaries() -%}
(
    select array_agg(distinct day order by day) as days
    from (
        select start_date as day from {{ ref('stg_pennylane__fiscal_years') }}
        union all
        select end_date + 1 from {{ ref('stg_pennylane__fiscal_years') }}
    ) as known
)
{%- endmacro -%}
