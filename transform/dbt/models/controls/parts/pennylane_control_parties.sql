-- The lines of customers, suppliers, employees, other third parties and VAT, without openings.
{{ config(materialized='ephemeral') }}
select
    line.company_id,
    line.company_name,
    line.id,
    line.ledger_entry_id,
    line.ledger_account_id,
    line.account_number,
    line.date,
    line.debit - line.credit as balance,
    line.lettered_ledger_entry_lines_ids <> '[]' as is_lettered
from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
where line.account_number like any (array['40%', '41%', '42%', '445%', '46%'])
    and not exists (
        select from {{ ref('pennylane', 'opening_entries') }} as opening
        where opening.company_id = line.company_id and opening.ledger_entry_id = line.ledger_entry_id
    )
