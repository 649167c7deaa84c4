-- In each group of categories, a line's rows in general_ledger_by_category add up to the line.
-- depends_on: {{ ref('pennylane', 'sync_metadata') }} (so that a failure prevents no view from being built)
select part.company_id, part.ledger_entry_line_id, part.category_group_id, sum(part.balance) as shared
from {{ ref('pennylane', 'general_ledger_by_category') }} as part
inner join {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    on line.company_id = part.company_id and line.id = part.ledger_entry_line_id
group by part.company_id, part.ledger_entry_line_id, part.category_group_id, line.debit, line.credit
having sum(part.balance) <> line.debit - line.credit
