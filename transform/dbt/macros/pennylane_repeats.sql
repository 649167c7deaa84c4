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
                        concat_ws(':', repeated.company_id, opening.ledger_entry_id, repeated.account_number), 1
                    )
                    from {{ ref('pennylane', 'opening_balances') }} as repeated
                    inner join {{ ref('pennylane', 'opening_entries') }} as opening
                        on opening.company_id = repeated.company_id
                        and opening.period_start = repeated.period_start
                    where repeated.is_repeated
                ) ? concat_ws(':', {{ line }}.company_id, {{ line }}.ledger_entry_id, {{ line }}.account_number)
        end,
        false
    )
{%- endmacro -%}
