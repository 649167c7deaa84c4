-- A fiscal year opens with the balances of the year before. Its result is in 12, as one amount: 120 or 129.
{{ config(materialized='ephemeral') }}
with year as (
    select distinct opened.company_id, opened.company_name, opened.start_date
    from {{ ref('pennylane', 'pennylane_control_opened') }} as opened
    inner join {{ ref('pennylane', 'pennylane_control_days') }} as day on day.company_id = opened.company_id
    where opened.start_date > day.first_day
),

amounts as (
    select
        company_id,
        company_name,
        start_date,
        case when account_number ~ '^(12|6|7)' then '12' else account_number end as account_number,
        sum(opening) as opening,
        sum(closing) as closing
    from (
        select year.company_id, year.company_name, year.start_date, opened.account_number,
            opened.balance as opening, 0 as closing
        from year
        inner join {{ ref('pennylane', 'pennylane_control_opened') }} as opened
            on opened.company_id = year.company_id and opened.start_date = year.start_date
        union all
        select year.company_id, year.company_name, year.start_date, moved.account_number, 0, moved.balance
        from year
        inner join {{ ref('pennylane', 'pennylane_control_movements') }} as moved
            on moved.company_id = year.company_id
            and moved.start_date < year.start_date
            and moved.account_number < '8'
    ) as both_sides
    group by 1, 2, 3, 4
)

select
    company_id,
    company_name,
    'error' as severity,
    start_date as date,
    null::text as document,
    account_number,
    opening - closing as amount,
    format(
        'Compte %s : à-nouveau de %s au %s, mais solde de clôture de %s.', account_number,
        {{ pennylane_amount_fr('opening') }}, {{ pennylane_day_fr('start_date') }},
        {{ pennylane_amount_fr('closing') }}
    ) as sentence_fr,
    format(
        'Account %s: opening balance of %s on %s, but closing balance of %s.', account_number,
        {{ pennylane_amount_en('opening') }}, {{ pennylane_day_en('start_date') }},
        {{ pennylane_amount_en('closing') }}
    ) as sentence_en,
    jsonb_build_object('account_number', account_number, 'fiscal_year_start', start_date) as ids
from amounts
where opening <> closing
