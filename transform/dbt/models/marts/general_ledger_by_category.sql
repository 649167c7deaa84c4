-- One row per line, group of categories (axis) and category, with the category's share of the amount. In each
-- group, what has no category is 'Non affecté', so that every group adds up to the books: query one at a time.
select
    line.company_id,
    line.company_name,
    line.date,
    line.account_number,
    line.line_label,
    axis.category_group_label,
    coalesce(part.category_label, 'Non affecté') as category_label,
    part.analytical_code,
    part.weight,
    line.debit * part.weight as debit,
    line.credit * part.weight as credit,
    (line.debit - line.credit) * part.weight as balance,
    {{ pennylane_counts('entry.status') }} as is_counted,
    line.id as ledger_entry_line_id,
    line.ledger_entry_id,
    line.ledger_account_id,
    part.category_id,
    axis.id as category_group_id
from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
-- A company without any group has one that nobody named.
left join {{ ref('stg_pennylane__category_groups') }} as axis on axis.company_id = line.company_id
left join {{ ref('stg_pennylane__ledger_entries') }} as entry
    on entry.company_id = line.company_id and entry.id = line.ledger_entry_id
cross join lateral (
    with share as (
        select
            (item ->> 'weight')::numeric as weight,
            category.id as category_id,
            category.category_label,
            category.analytical_code
        from jsonb_array_elements(line.categories) as item
        inner join {{ ref('stg_pennylane__categories') }} as category
            on category.company_id = line.company_id and category.id = (item ->> 'id')::bigint
        where category.category_group_id = axis.id
    )

    select weight, category_id, category_label, analytical_code
    from share
    union all
    select 1 - coalesce(sum(weight), 0), null, null, null
    from share
    having coalesce(sum(weight), 0) <> 1
) as part
