-- In every ledger entry, debits equal credits.
-- depends_on: {{ ref('pennylane', 'sync_metadata') }} (so that a failure prevents no view from being built)
select company_id, ledger_entry_id, sum(debit) as debits, sum(credit) as credits
from {{ ref('stg_pennylane__ledger_entry_lines') }}
group by company_id, ledger_entry_id
having sum(debit) <> sum(credit)
