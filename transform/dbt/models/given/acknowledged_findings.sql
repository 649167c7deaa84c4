-- What people said of findings of the controls. A finding is known by its rule, its ids and its amount: if one of them
-- changes, it is another finding.
select company_id, rule, ids, amount, note, acknowledged_by, acknowledged_at
from {{ pennylane_given_rows('acknowledged_findings', {
    'company_id': 'bigint', 'rule': 'text', 'ids': 'jsonb', 'amount': 'numeric', 'note': 'text',
    'acknowledged_by': 'text', 'acknowledged_at': 'timestamptz',
}) }} as given
