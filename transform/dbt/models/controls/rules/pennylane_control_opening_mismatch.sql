-- A fiscal year opens with the balances of the year before. Its result is in 12, as one amount: 120 or 129.
{{ config(materialized='ephemeral') }}
with opened as (
    select balance.company_id, balance.company_name, balance.start_date, day.first_day
    from {{ ref('pennylane', 'pennylane_control_balances') }} as balance
    inner join {{ ref('pennylane', 'pennylane_control_days') }} as day on day.company_id = balance.company_id
    where balance.is_opening and balance.start_date > day.first_day
    group by balance.company_id, balance.company_name, balance.start_date, day.first_day
),

amounts as (
    select
        opened.company_id,
        opened.company_name,
        opened.start_date,
        case when balance.account_number ~ '^(12|6|7)' then '12' else balance.account_number end as account_number,
        sum(balance.balance) filter (where balance.is_opening and balance.start_date = opened.start_date) as opening,
        sum(balance.balance) filter (
            where not (balance.is_opening and balance.start_date > opened.first_day)
                and coalesce(balance.start_date, balance.first_date) < opened.start_date
        ) as closing
    from opened
    inner join {{ ref('pennylane', 'pennylane_control_balances') }} as balance
        on balance.company_id = opened.company_id and balance.account_number < '8'
    group by
        opened.company_id,
        opened.company_name,
        opened.start_date,
        case when balance.account_number ~ '^(12|6|7)' then '12' else balance.account_number end
)

select
    company_id,
    company_name,
    'error' as severity,
    start_date as date,
    null::text as document,
    account_number,
    coalesce(opening, 0) - coalesce(closing, 0) as amount,
    format(
        'Compte %s : à-nouveau de %s au %s, mais solde de clôture de %s.', account_number,
        {{ pennylane_amount_fr('coalesce(opening, 0)') }}, {{ pennylane_day_fr('start_date') }},
        {{ pennylane_amount_fr('coalesce(closing, 0)') }}
    ) as sentence_fr,
    format(
        'Account %s: opening balance of %s on %s, but closing balance of %s.', account_number,
        {{ pennylane_amount_en('coalesce(opening, 0)') }}, {{ pennylane_day_en('start_date') }},
        {{ pennylane_amount_en('coalesce(closing, 0)') }}
    ) as sentence_en,
    jsonb_build_object('account_number', account_number, 'fiscal_year_start', start_date) as ids
from amounts
where coalesce(opening, 0) <> coalesce(closing, 0)
