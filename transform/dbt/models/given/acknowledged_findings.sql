-- What people said of findings of the controls. A finding is known by its rule, its ids and its amount: if one of them
-- changes, it is another finding.
select
    given.company_id,
    company.company_name,
    given.rule,
    given.ids,
    given.amount,
    given.note,
    given.acknowledged_by,
    given.acknowledged_at
from {{ pennylane_given_rows('acknowledged_findings', {
    'company_id': 'bigint', 'rule': 'text', 'ids': 'jsonb', 'amount': 'numeric', 'note': 'text',
    'acknowledged_by': 'text', 'acknowledged_at': 'timestamptz',
}) }} as given
left join (
    select distinct company_id, company_name from {{ ref('stg_pennylane__fiscal_years') }}
) as company on company.company_id = given.company_id
