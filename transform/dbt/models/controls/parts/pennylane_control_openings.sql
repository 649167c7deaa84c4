-- The entries that open a fiscal year with the balances of the year before (à-nouveaux).
{{ config(materialized='ephemeral') }}
select line.company_id, year.start_date, line.ledger_entry_id
from {{ ref('stg_pennylane__fiscal_years') }} as year
inner join {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    on line.company_id = year.company_id and line.date = year.start_date
inner join {{ ref('stg_pennylane__journals') }} as journal
    on journal.company_id = line.company_id and journal.id = line.journal_id
where journal.journal_code in ('AN', 'RAN') or journal.journal_label ~* '(^|[^[:alpha:]])[aàÀ][ -]*nouveau'
group by line.company_id, year.start_date, line.ledger_entry_id
having max(line.account_number) < '6'
