-- One row per company: how fresh it is, what fails, and the figures that pennylane_portfolio_figures remembers.
{%- set figures = {
    'fiscal_year_start': 'date',
    'fiscal_year_end': 'date',
    'as_of': 'date',
    'turnover': 'numeric',
    'previous_turnover': 'numeric',
    'result': 'numeric',
    'previous_result': 'numeric',
    'cash': 'numeric',
    'previous_cash': 'numeric',
    'bank_balance': 'numeric',
    'overdue_receivables': 'numeric',
    'errors': 'bigint',
    'warnings': 'bigint',
    'infos': 'bigint',
} %}
select
    company.company_id,
    company.company_name,
    company.last_sync_date,
    company.last_sync_date_local,
    company.minutes_since_last_success,
    company.last_status,
    company.failed_tables,
    company.last_error,
{%- for name, type in figures.items() %}
    (remembered.figures ->> '{{ name }}')::{{ type }} as {{ name }},
{%- endfor %}
    remembered.figures_at at time zone 'utc' as figures_at
from {{ ref('sync_companies') }} as company
left join {{ ref('pennylane_portfolio_figures') }} as remembered
    on remembered.company_id = company.company_id
