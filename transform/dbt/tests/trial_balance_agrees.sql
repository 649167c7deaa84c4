{#- The proof of completeness: what the lines add up to is what Pennylane itself reports, for every
    account and fiscal year, to the cent.

    Not compared are years that the setting `start_date` cuts, and accounts with a line that changed after
    Pennylane was asked for its trial balance: the next run asks again. -#}
{%- set differences -%}
with compared as (
    select
        period_start,
        period_end,
        account_number,
        coalesce(computed.debits, 0) as debits,
        coalesce(computed.credits, 0) as credits,
        coalesce(reported.debits, 0) as reported_debits,
        coalesce(reported.credits, 0) as reported_credits
    from {{ ref('trial_balance_computed') }} as computed
    full join {{ ref('stg_trial_balance') }} as reported
        using (period_start, period_end, account_number)
)

select compared.*
from compared
where (debits, credits) <> (reported_debits, reported_credits)
    and exists (
        select from {{ ref('stg_trial_balance') }} as asked
        where asked.period_start = compared.period_start and asked.period_end = compared.period_end
    )
    and period_start >= coalesce((select max(start_date) from {{ ref('bookmarks') }}), '-infinity')
    and not exists (
        select from {{ ref('stg_ledger_entry_lines') }} as line
        where line.account_number = compared.account_number
            and line.date between compared.period_start and compared.period_end
            and line.updated_at > (
                select min(asked._read_at) from {{ ref('stg_trial_balance') }} as asked
                where asked.period_start = compared.period_start
                    and asked.period_end = compared.period_end
            )
    )
{%- endset -%}
{%- if execute and flags.WHICH in ('build', 'test') -%}
  {%- for row in run_query(differences ~ ' order by 1, 3 limit 20') -%}
    {%- do print(
        'Account ' ~ row.account_number ~ ', ' ~ row.period_start ~ ' to ' ~ row.period_end
        ~ ': the lines have debits ' ~ row.debits ~ ' and credits ' ~ row.credits
        ~ ', Pennylane reports ' ~ row.reported_debits ~ ' and ' ~ row.reported_credits ~ '.'
    ) -%}
  {%- endfor -%}
{%- endif -%}
-- depends_on: {{ ref('sync_metadata') }} (a failure keeps no view from being built)
{{ differences }}
