-- The income statement by month and line, beside the budget. A budget stands in a line if all accounts that begin as
-- it says belong there; otherwise it has a row of its own, so that the sides still add up.
{%- set keys = [
    'company_id', 'company_name', 'fiscal_year_start', 'fiscal_year_end', 'month', 'side', 'position', 'section_fr',
    'section_en', 'line', 'label_fr', 'label_en',
] %}
with budget as (
    select * from {{ ref('pennylane', 'budget_by_month') }}
),

rule as (
    select
        seed.account_prefix,
        seed.line,
        coalesce(seed.valid_from, '-infinity') as valid_from,
        coalesce(seed.valid_until, 'infinity') as valid_until
    from {{ pennylane_statement_accounts() }} as seed
),

prefix as (
    select distinct fiscal_year_start, account_prefix from budget
),

candidate as (
    select prefix.fiscal_year_start, prefix.account_prefix, longest.line
    from prefix
    cross join lateral (
        select rule.line
        from rule
        where starts_with(prefix.account_prefix, rule.account_prefix)
            and prefix.fiscal_year_start between rule.valid_from and rule.valid_until
        order by length(rule.account_prefix) desc
        limit 1
    ) as longest
    union
    select prefix.fiscal_year_start, prefix.account_prefix, rule.line
    from prefix
    inner join rule
        on starts_with(rule.account_prefix, prefix.account_prefix)
        and prefix.fiscal_year_start between rule.valid_from and rule.valid_until
),

placed as (
    select fiscal_year_start, account_prefix, min(line) as line
    from candidate
    group by fiscal_year_start, account_prefix
    having count(*) = 1
),

shown as (
    select
        {{ keys | join(', ') }},
        amount,
        previous_amount,
        result,
        previous_result,
        null::numeric as budget
    from {{ ref('pennylane', 'income_statement_by_month') }}
    union all
    select
        budget.company_id,
        budget.company_name,
        budget.fiscal_year_start,
        budget.fiscal_year_end,
        budget.month,
        budget.side,
        coalesce(line.position, 1000),
        line.section_fr,
        line.section_en,
        coalesce(line.line, 'several_lines'),
        coalesce(line.label_fr, 'Budget de plusieurs lignes'),
        coalesce(line.label_en, 'Budget of several lines'),
        0,
        0,
        0,
        0,
        budget.budget
    from budget
    left join placed
        on placed.fiscal_year_start = budget.fiscal_year_start and placed.account_prefix = budget.account_prefix
    left join {{ pennylane_statement_lines() }} as line
        on line.statement = 'income_statement'
        and line.line = placed.line
        and line.side = budget.side
        and budget.fiscal_year_start between coalesce(line.valid_from, '-infinity')
        and coalesce(line.valid_until, 'infinity')
)

select
    {{ keys | join(', ') }},
    sum(amount) as amount,
    sum(previous_amount) as previous_amount,
    sum(result) as result,
    sum(previous_result) as previous_result,
    sum(budget) as budget,
    case side when 'income' then sum(budget) else -sum(budget) end as budget_result,
    sum(amount) - sum(budget) as difference
from shown
group by {{ keys | join(', ') }}
