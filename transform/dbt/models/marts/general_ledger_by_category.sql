-- One row per line and analytical category, with the category's share of the amount. The categories of one
-- group (axis) divide a line among themselves, so within a group a line's rows add up to the line: query one
-- group at a time. The remainder of a group, and a line without categories, have no category.
select
    line.company_id,
    line.company_name,
    line.date,
    line.account_number,
    line.line_label,
    category_group.category_group_label,
    part.category_label,
    part.analytical_code,
    part.weight,
    line.debit * part.weight as debit,
    line.credit * part.weight as credit,
    (line.debit - line.credit) * part.weight as balance,
    line.id as ledger_entry_line_id,
    line.ledger_entry_id,
    line.ledger_account_id,
    part.category_id,
    part.category_group_id
from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
cross join lateral (
    with share as (
        select
            (item ->> 'weight')::numeric as weight,
            (item ->> 'id')::bigint as category_id,
            category.category_label,
            category.analytical_code,
            category.category_group_id
        from jsonb_array_elements(line.categories) as item
        left join {{ ref('stg_pennylane__categories') }} as category
            on category.company_id = line.company_id and category.id = (item ->> 'id')::bigint
    )

    select weight, category_id, category_label, analytical_code, category_group_id
    from share
    union all
    select 1 - sum(weight), null, null, null, category_group_id
    from share
    group by category_group_id
    having sum(weight) <> 1
    union all
    select 1, null, null, null, null
    where not exists (select from share)
) as part
left join {{ ref('stg_pennylane__category_groups') }} as category_group
    on category_group.company_id = line.company_id and category_group.id = part.category_group_id
