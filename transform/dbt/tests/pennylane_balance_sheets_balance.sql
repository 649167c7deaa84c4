-- At the end of every fiscal year, closed or open, assets equal liabilities.
-- depends_on: {{ ref('pennylane', 'sync_metadata') }} (so that a failure prevents no view from being built)
select
    company_id,
    as_of,
    sum(net) filter (where side = 'assets') as assets,
    sum(net) filter (where side = 'liabilities') as liabilities
from {{ ref('balance_sheet') }}
where as_of = fiscal_year_end
group by company_id, as_of
having sum(case side when 'assets' then net else -net end) <> 0
