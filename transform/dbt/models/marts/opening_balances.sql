-- The opening balance of every account in every fiscal year: as posted (à-nouveaux), and as the year before left it.
select
    company_id,
    company_name,
    period_start,
    period_end,
    account_number,
    account_label,
    is_opening_posted,
    posted,
    carried,
    opening,
    is_repeated
from {{ ref('pennylane', 'trial_balance') }}
where posted is not null or carried <> 0
