-- The income statement by analytical category, for every fiscal year. Within an axis (group of categories), the rows
-- add up to the books: what has no category of the axis is in the category "Non affecté".
with year as (
    select company_id, company_name, start_date, end_date from {{ ref('stg_pennylane__fiscal_years') }}
),

statement as (
    select * from {{ ref('income_statement') }}
),

shared as (
    select
        year.company_id,
        year.start_date as fiscal_year_start,
        line.account_number,
        category.category_group_id,
        category.id as category_id,
        max(category.category_label) as category_label,
        sum((line.credit - line.debit) * (share.item ->> 'weight')::numeric) as result
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    inner join year on year.company_id = line.company_id and line.date between year.start_date and year.end_date
    cross join lateral jsonb_array_elements(line.categories) as share (item)
    inner join {{ ref('stg_pennylane__categories') }} as category
        on category.company_id = line.company_id and category.id = (share.item ->> 'id')::bigint
    where (line.account_number like '6%' or line.account_number like '7%')
        and line.categories <> '[]'
        -- The entry that closes a year transfers these accounts' balances to its result, 120 or 129.
        and not exists (
            select from {{ ref('stg_pennylane__ledger_entry_lines') }} as closing
            where closing.company_id = line.company_id
                and closing.ledger_entry_id = line.ledger_entry_id
                and closing.account_number like '12%'
        )
    group by 1, 2, 3, 4, 5
),

part as (
    select company_id, fiscal_year_start, account_number, category_group_id, category_id, category_label, result
    from shared
    union all
    select
        statement.company_id,
        statement.fiscal_year_start,
        statement.account_number,
        axis.id,
        0,
        'Non affecté',
        statement.result - coalesce(sum(shared.result), 0)
    from statement
    inner join {{ ref('stg_pennylane__category_groups') }} as axis on axis.company_id = statement.company_id
    left join shared
        on shared.company_id = statement.company_id
        and shared.fiscal_year_start = statement.fiscal_year_start
        and shared.account_number = statement.account_number
        and shared.category_group_id = axis.id
    group by
        statement.company_id, statement.fiscal_year_start, statement.account_number, axis.id, statement.result
    having statement.result <> coalesce(sum(shared.result), 0)
)

select
    statement.company_id,
    statement.company_name,
    statement.fiscal_year_start,
    statement.fiscal_year_end,
    axis.category_group_label,
    part.category_label,
    statement.side,
    statement.position,
    statement.section_fr,
    statement.section_en,
    statement.line,
    statement.label_fr,
    statement.label_en,
    statement.account_number,
    statement.account_label,
    part.result,
    part.category_group_id,
    part.category_id
from part
inner join statement
    on statement.company_id = part.company_id
    and statement.fiscal_year_start = part.fiscal_year_start
    and statement.account_number = part.account_number
inner join {{ ref('stg_pennylane__category_groups') }} as axis
    on axis.company_id = part.company_id and axis.id = part.category_group_id
