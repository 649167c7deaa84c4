{#- The proof of completeness: the sums of the lines equal what Pennylane itself reports, for every account
    and fiscal year, to the cent. -#}
{%- set differences = ref('pennylane', 'trial_balance_differences') -%}
{%- if execute and flags.WHICH in ('build', 'test') -%}
  {%- for row in run_query('select * from ' ~ differences ~ ' order by company_id, period_start, account_number limit 20') -%}
    {%- do print(
        'Account ' ~ row.account_number ~ ', ' ~ row.period_start ~ ' to ' ~ row.period_end
        ~ ': the lines have debits ' ~ row.debits ~ ' and credits ' ~ row.credits
        ~ ', Pennylane reports ' ~ row.reported_debits ~ ' and ' ~ row.reported_credits ~ '.'
    ) -%}
  {%- endfor -%}
{%- endif -%}
-- depends_on: {{ ref('pennylane', 'sync_metadata') }} (so that a failure prevents no view from being built)
select * from {{ differences }}
