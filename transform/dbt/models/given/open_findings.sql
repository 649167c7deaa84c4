-- The findings of the controls that nobody has acknowledged.
select finding.*
from {{ ref('pennylane', 'controls') }} as finding
where not exists (
    select from {{ ref('pennylane', 'acknowledged_findings') }} as known
    where known.company_id = finding.company_id
        and known.rule = finding.rule
        and known.ids = finding.ids
        and known.amount is not distinct from finding.amount
)
