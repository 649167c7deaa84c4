-- The trial balance (balance générale) of every fiscal year: opening, movements and closing of each account, before
-- and after the entries that close the classes 6 and 7.
--
-- The opening balances are those posted (à-nouveaux), or else what the lines before add up to, with the results of
-- the years in 120 or 129.
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

line as (
    select
        line.company_id,
        line.account_number,
        line.debit,
        line.credit,
        -- A line outside every year belongs to the one before, or to the first.
        greatest(width_bucket(line.date, years.starts), 1) as place,
        line.date between years.starts[1] and years.ends[width_bucket(line.date, years.starts)] as is_inside,
        case
            when {{ pennylane_line_is_of('line', pennylane_opening_entries()) }} then 'opening'
            when {{ pennylane_line_is_of('line', pennylane_closing_entries()) }} then 'closing'
            else 'movement'
        end as kind
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    inner join years on years.company_id = line.company_id
    where {{ pennylane_line_counts('line') }}
),

total as (
    select
        company_id,
        place,
        account_number,
        kind,
        coalesce(is_inside, false) as is_inside,
        sum(debit) as debits,
        sum(credit) as credits
    from line
    group by company_id, place, account_number, kind, coalesce(is_inside, false)
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
