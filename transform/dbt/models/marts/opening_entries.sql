-- The entries that open a fiscal year with the balances of the year before (à-nouveaux): on its first day, with
-- accounts of the classes 1 to 5 only, in a journal for them. In any other journal, an entry of three or more
-- accounts opens the year if most of these had exactly that balance at the end of the year before.
with year as (
    select
        company_id,
        company_name,
        start_date,
        lag(start_date) over (partition by company_id order by start_date) as former_start
    from {{ ref('stg_pennylane__fiscal_years') }}
),

candidate as (
    select
        year.company_id,
        year.company_name,
        year.start_date,
        year.former_start,
        line.ledger_entry_id,
        max(journal.journal_code) as journal_code,
        bool_and({{ pennylane_is_for_openings('journal') }}) as is_named,
        count(distinct line.account_number) as accounts
    from year
    inner join {{ ref('stg_pennylane__ledger_entry_lines') }} as line
        on line.company_id = year.company_id and line.date = year.start_date
    left join {{ ref('stg_pennylane__journals') }} as journal
        on journal.company_id = line.company_id and journal.id = line.journal_id
    group by year.company_id, year.company_name, year.start_date, year.former_start, line.ledger_entry_id
    having min(line.account_number) >= '1' and max(line.account_number) < '6'
),

opened as (
    select
        candidate.company_id,
        candidate.ledger_entry_id,
        candidate.start_date,
        candidate.former_start,
        line.account_number,
        sum(line.debit - line.credit) as balance
    from candidate
    inner join {{ ref('stg_pennylane__ledger_entry_lines') }} as line
        on line.company_id = candidate.company_id and line.ledger_entry_id = candidate.ledger_entry_id
    where not candidate.is_named and candidate.accounts >= 3
    group by
        candidate.company_id,
        candidate.ledger_entry_id,
        candidate.start_date,
        candidate.former_start,
        line.account_number
),

former as (
    select opened.company_id, opened.start_date, line.account_number, sum(line.debit - line.credit) as balance
    from (select distinct company_id, start_date, former_start, account_number from opened) as opened
    inner join {{ ref('stg_pennylane__ledger_entry_lines') }} as line
        on line.company_id = opened.company_id
        and line.account_number = opened.account_number
        and line.date >= opened.former_start
        and line.date < opened.start_date
    group by opened.company_id, opened.start_date, line.account_number
),

repeated as (
    select opened.company_id, opened.ledger_entry_id
    from opened
    left join former
        on former.company_id = opened.company_id
        and former.start_date = opened.start_date
        and former.account_number = opened.account_number
        and former.balance = opened.balance
    group by opened.company_id, opened.ledger_entry_id
    having 2 * count(former.balance) > count(*)
)

select
    candidate.company_id,
    candidate.company_name,
    candidate.start_date as period_start,
    candidate.journal_code,
    candidate.ledger_entry_id
from candidate
where candidate.is_named
    or exists (
        select from repeated
        where repeated.company_id = candidate.company_id
            and repeated.ledger_entry_id = candidate.ledger_entry_id
    )
