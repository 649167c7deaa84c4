-- The result of the income statement, of the intermediate balances and of the balance sheet is the same.
-- depends_on: {{ ref('pennylane', 'sync_metadata') }} (so that a failure prevents no view from being built)
with result as (
    select company_id, fiscal_year_start, sum(result) as result
    from {{ ref('income_statement') }}
    group by company_id, fiscal_year_start
    union all
    select company_id, fiscal_year_start, amount
    from {{ ref('intermediate_balances') }}
    where balance = 'net_result'
    union all
    select company_id, fiscal_year_start, net
    from {{ ref('balance_sheet') }}
    where line = 'result' and as_of = fiscal_year_end
)

select company_id, fiscal_year_start, min(result) as lowest, max(result) as highest
from result
group by company_id, fiscal_year_start
having min(result) <> max(result)
