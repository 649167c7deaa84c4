{#- Whether a line repeats a balance of the year before (à-nouveaux), which the lines of that year add up to.

    All repeated balances are one object, made only if a line may be one of them: PostgreSQL cannot estimate how many
    there are, and a join would suffer from it. -#}
{%- macro pennylane_repeats(line) -%}
coalesce(
        case
            when {{ line }}.account_number < '6'
                and {{ line }}.date = any (array(select start_date from {{ ref('stg_pennylane__fiscal_years') }}))
                then (
                    select jsonb_object_agg(
                        concat_ws(':', repeated.company_id, repeated.ledger_entry_id, repeated.account_number), 1
                    )
                    from {{ pennylane_repeated_openings() }} as repeated
                ) ? concat_ws(':', {{ line }}.company_id, {{ line }}.ledger_entry_id, {{ line }}.account_number)
        end,
        false
    )
{%- endmacro -%}

{#- The entries and accounts of opening balances that repeat what earlier lines add up to: what `is_repeated` says in the
    trial balance, from the accounts of the classes 1 to 5 alone. tests/test_definitions.py compares the two. -#}
{%- macro pennylane_repeated_openings() -%}
(
    with opening as materialized (
        select opening.company_id, opening.period_start, opening.ledger_entry_id
        from {{ ref('pennylane', 'opening_entries') }} as opening
        -- Before the first year there is nothing to repeat.
        where opening.period_start > (
            select min(year.start_date) from {{ ref('stg_pennylane__fiscal_years') }} as year
            where year.company_id = opening.company_id
        )
    ),

    posted as (
        select opening.company_id, opening.period_start, line.account_number, sum(line.debit - line.credit) as balance
        from opening
        inner join {{ ref('stg_pennylane__ledger_entry_lines') }} as line
            on line.company_id = opening.company_id and line.ledger_entry_id = opening.ledger_entry_id
        -- An array, because PostgreSQL cannot estimate how few entries these are, and would read all lines.
        where line.ledger_entry_id = any (array(select ledger_entry_id from opening)) and {{ pennylane_line_counts('line') }}
        group by opening.company_id, opening.period_start, line.account_number
    ),

    known as (
        select company_id, array_agg(distinct period_start order by period_start) as days
        from posted
        group by company_id
    ),

    -- Between two posted openings, all lines add up: the first of them is the opening itself.
    summed as (
        select
            line.company_id,
            known.days[coalesce(width_bucket(line.date, known.days), 0) + 1] as period_start,
            line.account_number,
            sum(line.debit - line.credit) as balance
        from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
        inner join known on known.company_id = line.company_id
        -- An account that no opening states has nothing to compare; of results, the whole sum is compared.
        where line.account_number < '6'
            and (line.account_number in (select posted.account_number from posted) or line.account_number like '12%')
            and {{ pennylane_line_counts('line') }}
        group by 1, 2, 3
    ),

    compared as (
        select
            company_id,
            period_start,
            account_number,
            sum(posted) as posted,
            coalesce(sum(summed), 0) as summed
        from (
            select company_id, period_start, account_number, balance as posted, null::numeric as summed from posted
            union all
            select company_id, period_start, account_number, null, balance from summed
        ) as both_sides
        where period_start is not null
        group by company_id, period_start, account_number
    ),

    judged as (
        select
            compared.*,
            case
                when account_number like '12%' then sum(posted) over result_accounts = sum(summed) over result_accounts
                else posted = summed
                    or 2 * count(*) filter (where posted = summed and account_number not like '12%') over of_year
                    > count(posted) filter (where account_number not like '12%') over of_year
            end as is_repeated
        from compared
        window
            of_year as (partition by company_id, period_start),
            result_accounts as (partition by company_id, period_start, left(account_number, 2))
    )

    select judged.company_id, opening.ledger_entry_id, judged.account_number
    from judged
    inner join opening on opening.company_id = judged.company_id and opening.period_start = judged.period_start
    where judged.posted is not null and judged.is_repeated
)
{%- endmacro -%}
