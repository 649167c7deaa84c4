-- The opening balances (à-nouveaux) of a year are the closing balances of the year before. A difference is a
-- warning: until the accounts are closed, they are often posted only in part, or not yet again.
-- depends_on: {{ ref('pennylane', 'sync_metadata') }} (so that a failure prevents no view from being built)
{{ config(severity='warn') }}
select company_id, period_start, account_number, posted, carried
from {{ ref('pennylane', 'opening_balances') }}
where is_opening_posted and carried is not null and coalesce(posted, 0) <> carried
