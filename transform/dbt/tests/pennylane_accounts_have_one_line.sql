-- The mapping puts every account in exactly one line that exists: a prefix has one rule at a time, or one for
-- debit and one for credit balances; every account of classes 1 to 7 has a prefix.
-- depends_on: {{ ref('pennylane', 'sync_metadata') }} (so that a failure prevents no view from being built)
with rule as (
    select
        *,
        coalesce(valid_from, '-infinity') as since,
        coalesce(valid_until, 'infinity') as until
    from {{ ref('pennylane_statement_accounts') }}
),

line as (
    select
        *,
        coalesce(valid_from, '-infinity') as since,
        coalesce(valid_until, 'infinity') as until
    from {{ ref('pennylane_statement_lines') }}
),

-- Something may change on each of these days.
day as (
    select since as day from rule
    union
    select since from line
)

select day.day, rule.account_prefix as account, 'has not one rule' as problem
from rule
inner join day on day.day between rule.since and rule.until
group by day.day, rule.account_prefix
having coalesce(string_agg(coalesce(rule.balance, 'any'), ' ' order by rule.balance), '')
    not in ('any', 'credit debit')
union all
select day.day, rule.account_prefix, 'is in a line that does not exist: ' || coalesce(rule.line, '')
from rule
inner join day on day.day between rule.since and rule.until
where (
    select count(*) from line
    where line.line = rule.line
        and day.day between line.since and line.until
        and (line.statement = 'income_statement') = (left(rule.account_prefix, 1) in ('6', '7'))
) <> 1
union all
select day.day, digits.digits::text, 'has no rule'
from day
cross join generate_series(10, 79) as digits (digits)
where not exists (
    select from rule
    where day.day between rule.since and rule.until
        and rule.account_prefix in (digits.digits::text, left(digits.digits::text, 1))
)
