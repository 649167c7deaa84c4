-- The trial balance (balance générale) of every fiscal year: opening, movements and closing of each account, before
-- and after the entries that close the classes 6 and 7.
--
-- The opening balances are those posted (à-nouveaux), or else what the lines before add up to, with the results of
-- the years in 120 or 129.
{{ config(post_hook="{{ pennylane_function_between(this, pennylane_trial_balance_of_period(this)) }}") }}
with year as (
    select
        company_id,
        company_name,
        start_date,
        end_date,
        row_number() over (partition by company_id order by start_date) as place
    from {{ ref('stg_pennylane__fiscal_years') }}
),

years as (
    select
        company_id,
        array_agg(start_date order by place) as starts,
        array_agg(end_date order by place) as ends
    from year
    group by company_id
),

boundary as (
    select * from {{ pennylane_year_boundaries() }} as known
),

opening as (
    select * from {{ pennylane_opening_entries() }} as opening
),

-- The lines of the few entries that open and close years are summed apart, and taken from the sum of all.
apart as (
    select company_id, ledger_entry_id, 'opening' as kind from opening
    union all
    select closing.company_id, closing.ledger_entry_id, 'closing'
    from {{ pennylane_closing_entries() }} as closing
    where not exists (
        select from opening
        where opening.company_id = closing.company_id and opening.ledger_entry_id = closing.ledger_entry_id
    )
),

period as (
    select
        company_id,
        account_number,
        width_bucket(date, (select days from boundary)) as number,
        'movement' as kind,
        sum(debit) as debits,
        sum(credit) as credits,
        count(*) as lines
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    where {{ pennylane_line_counts('line') }}
    group by company_id, account_number, 3
    union all
    select
        line.company_id,
        line.account_number,
        width_bucket(line.date, (select days from boundary)),
        kind.name,
        kind.sign * sum(line.debit),
        kind.sign * sum(line.credit),
        kind.sign * count(*)
    from apart
    inner join {{ ref('stg_pennylane__ledger_entry_lines') }} as line
        on line.company_id = apart.company_id and line.ledger_entry_id = apart.ledger_entry_id
    cross join lateral (values (apart.kind, 1), ('movement', -1)) as kind (name, sign)
    -- An array, because PostgreSQL cannot estimate how few entries these are, and would read all lines.
    where line.ledger_entry_id = any (array(select ledger_entry_id from apart)) and {{ pennylane_line_counts('line') }}
    group by line.company_id, line.account_number, 3, kind.name, kind.sign
),

-- A line outside every year belongs to the one before, or to the first.
total as (
    select
        period.company_id,
        greatest(width_bucket(boundary.days[period.number], years.starts), 1) as place,
        period.account_number,
        period.kind,
        coalesce(
            boundary.days[period.number] between years.starts[1]
            and years.ends[width_bucket(boundary.days[period.number], years.starts)],
            false
        ) as is_inside,
        sum(period.debits) as debits,
        sum(period.credits) as credits
    from period
    inner join years on years.company_id = period.company_id
    cross join boundary
    group by 1, 2, 3, 4, 5
    having sum(period.lines) > 0
),

-- What a year leaves on the classes 6 and 7 is the next year's 120 or 129: nothing, if they were closed.
result as (
    select
        outcome.company_id,
        outcome.place,
        coalesce(
            (
                select min(account.account_number)
                from {{ ref('stg_pennylane__ledger_accounts') }} as account
                where account.company_id = outcome.company_id
                    and account.account_number like case when outcome.result > 0 then '129%' else '120%' end
            ),
            case when outcome.result > 0 then '129000' else '120000' end
        ) as account_number,
        outcome.result
    from (
        select company_id, place, sum(debits - credits) as result
        from total
        where account_number >= '6' and account_number < '8'
        group by company_id, place
    ) as outcome
    where outcome.result <> 0
),

summed as (
    select
        company_id,
        place,
        account_number,
        sum(debits - credits) filter (where kind = 'opening') as posted,
        sum(debits) filter (where kind = 'movement' and is_inside) as debits,
        sum(credits) filter (where kind = 'movement' and is_inside) as credits,
        sum(debits) filter (where kind = 'closing' and is_inside) as closing_debits,
        sum(credits) filter (where kind = 'closing' and is_inside) as closing_credits,
        sum(debits - credits) as balance
    from total
    group by company_id, place, account_number
),

-- A posted opening begins anew; without one, a year continues the one before.
chained as (
    select
        year.*,
        opened.company_id is not null as is_posted,
        count(opened.company_id) over (partition by year.company_id order by year.place) as chain
    from year
    left join (select distinct company_id, place from total where kind = 'opening') as opened
        on opened.company_id = year.company_id and opened.place = year.place
),

running as (
    select
        year.company_id,
        year.company_name,
        year.start_date,
        year.end_date,
        year.place,
        year.is_posted,
        account.account_number,
        summed.posted,
        coalesce(summed.debits, 0) as debits,
        coalesce(summed.credits, 0) as credits,
        coalesce(summed.closing_debits, 0) as closing_debits,
        coalesce(summed.closing_credits, 0) as closing_credits,
        summed.debits is not null or summed.closing_debits is not null as has_moved,
        account.account_number < '6' as is_kept,
        sum(coalesce(summed.balance, 0)) over since_opening as in_lines,
        sum(coalesce(summed.balance, 0) + coalesce(result.result, 0)) over since_opening as closing
    from chained as year
    inner join (
        select company_id, account_number from summed
        union
        select company_id, account_number from result
    ) as account on account.company_id = year.company_id
    left join summed
        on summed.company_id = year.company_id
        and summed.place = year.place
        and summed.account_number = account.account_number
    left join result
        on result.company_id = year.company_id
        and result.place = year.place
        and result.account_number = account.account_number
    window since_opening as (partition by year.company_id, account.account_number, year.chain order by year.place)
),

carried as (
    select
        running.*,
        case when is_kept then lag(closing) over by_account end as carried,
        case when is_kept then lag(in_lines) over by_account end as repeated
    from running
    window by_account as (partition by company_id, account_number order by place)
),

-- An opening repeats the lines of a year whose closing balances it carries forward. If most of its accounts agree,
-- the others were changed afterwards; if not, the year before is not in the ledger. The result is apart: without an
-- entry that closed the year, only the opening states it.
compared as (
    select
        carried.*,
        case when is_posted then coalesce(posted, 0) else coalesce(carried, 0) end as opening,
        2 * count(*) filter (where posted = carried and account_number not like '12%') over of_year
        > count(posted) filter (where account_number not like '12%') over of_year as do_most_agree,
        sum(posted) over result_accounts is not distinct from sum(repeated) over result_accounts as is_result_the_same
    from carried
    window
        of_year as (partition by company_id, place),
        result_accounts as (partition by company_id, place, left(account_number, 2))
)

select
    compared.company_id,
    compared.company_name,
    compared.start_date as period_start,
    compared.end_date as period_end,
    compared.account_number,
    account.account_label,
    left(compared.account_number, 1) as account_class,
    compared.opening,
    compared.debits,
    compared.credits,
    compared.opening + compared.debits - compared.credits as balance_before_closing,
    compared.closing_debits,
    compared.closing_credits,
    compared.opening + compared.debits - compared.credits
    + compared.closing_debits - compared.closing_credits as balance,
    compared.is_posted as is_opening_posted,
    compared.posted,
    compared.carried,
    coalesce(
        compared.posted is not null and case
            when compared.account_number like '12%' then compared.is_result_the_same
            else compared.posted = compared.repeated or compared.do_most_agree
        end,
        false
    ) as is_repeated
from compared
left join {{ pennylane_account_labels() }} as account
    on account.company_id = compared.company_id and account.account_number = compared.account_number
where compared.has_moved or compared.posted is not null or compared.opening <> 0 or compared.carried <> 0
