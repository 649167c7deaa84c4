{#- The trial balance of any period, as the query of a function beside the view: `first_day` and `last_day` are its
    arguments. A period is a part of each fiscal year that it touches, because the classes 6 and 7 begin anew with each.

    view: the view of whole years. -#}
{%- macro pennylane_trial_balance_of_period(view) -%}
with year as (
    select
        company_id,
        start_date,
        greatest(start_date, first_day) as first,
        least(end_date, last_day) as last
    from {{ ref('stg_pennylane__fiscal_years') }}
    where start_date <= last_day and end_date >= first_day
),

closing as (
    select * from {{ pennylane_closing_entries() }} as closing
),

-- Opening entries are no movements: they are in the opening balance of the year.
moved as (
    select
        line.company_id,
        year.start_date,
        line.account_number,
        coalesce(sum(line.debit - line.credit) filter (where line.date < year.first), 0) as before,
        coalesce(sum(line.debit) filter (where line.date >= year.first and not line.closes), 0) as debits,
        coalesce(sum(line.credit) filter (where line.date >= year.first and not line.closes), 0) as credits,
        coalesce(sum(line.debit) filter (where line.date >= year.first and line.closes), 0) as closing_debits,
        coalesce(sum(line.credit) filter (where line.date >= year.first and line.closes), 0) as closing_credits,
        bool_or(line.date >= year.first) as has_moved
    from year
    inner join (
        select
            line.*,
            {{ pennylane_line_is_of('line', '(select company_id, ledger_entry_id from closing)') }} as closes
        from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
        where {{ pennylane_line_counts('line') }}
            and not {{ pennylane_line_is_of('line', pennylane_opening_entries()) }}
    ) as line
        on line.company_id = year.company_id and line.date between year.start_date and year.last
    group by line.company_id, year.start_date, line.account_number
)

select
    balance.company_id,
    balance.company_name,
    year.first as period_start,
    year.last as period_end,
    balance.account_number,
    balance.account_label,
    balance.account_class,
    balance.opening + coalesce(moved.before, 0) as opening,
    coalesce(moved.debits, 0) as debits,
    coalesce(moved.credits, 0) as credits,
    balance.opening + coalesce(moved.before + moved.debits - moved.credits, 0) as balance_before_closing,
    coalesce(moved.closing_debits, 0) as closing_debits,
    coalesce(moved.closing_credits, 0) as closing_credits,
    balance.opening + coalesce(
        moved.before + moved.debits - moved.credits + moved.closing_debits - moved.closing_credits, 0
    ) as balance,
    balance.is_opening_posted,
    balance.posted,
    balance.carried,
    balance.is_repeated
from year
inner join {{ view.include(database=false) }} as balance
    on balance.company_id = year.company_id and balance.period_start = year.start_date
left join moved
    on moved.company_id = balance.company_id
    and moved.start_date = balance.period_start
    and moved.account_number = balance.account_number
where coalesce(moved.has_moved, false) or balance.opening + coalesce(moved.before, 0) <> 0
{%- endmacro -%}
