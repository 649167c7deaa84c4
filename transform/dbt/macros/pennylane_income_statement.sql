{#- The income statement (compte de résultat) by account, of every fiscal year or of every month.

    by_month: whether a row is a month; it then stands beside the same month of the year before. -#}
{%- macro pennylane_income_statement(by_month) -%}
with sums as (
    select * from {{ ref('pennylane_statement_sums') }}
    where account_number like '6%' or account_number like '7%'
),

year as (
    select * from {{ ref('pennylane_statement_years') }}
),

{{ pennylane_statement_rules() }},

shown as (
    select
        year.company_id,
        year.company_name,
        year.fiscal_year_start,
        year.fiscal_year_end,
        {{ 'sums.month,' if by_month }}
        false as is_former,
        sums.account_number,
        sums.balance
    from year
    inner join sums
        on sums.company_id = year.company_id and sums.fiscal_year_start = year.fiscal_year_start
    union all
    select
        year.company_id,
        year.company_name,
        year.fiscal_year_start,
        year.fiscal_year_end,
        {{ "(sums.month + interval '1 year')::date," if by_month }}
        true,
        sums.account_number,
        sums.balance
    from year
    inner join sums
        on sums.company_id = year.company_id
        {%- if by_month %}
        and sums.last_day + interval '1 year' between year.fiscal_year_start and year.fiscal_year_end
        {%- else %}
        and sums.fiscal_year_start = year.previous_start
        {%- endif %}
)

select
    shown.company_id,
    shown.company_name,
    shown.fiscal_year_start,
    shown.fiscal_year_end,
    {{ 'shown.month,' if by_month }}
    line.side,
    line.position,
    line.section_fr,
    line.section_en,
    resolved.line,
    line.label_fr,
    line.label_en,
    line.intermediate_balance,
    line.in_self_financing = 'yes' as in_self_financing,
    shown.account_number,
    max(account.account_label) as account_label,
    {%- for name, is_former in [('', false), ('previous_', true)] %}
    {%- set condition = 'filter (where ' ~ ('' if is_former else 'not ') ~ 'shown.is_former)' %}
    coalesce(sum(case line.side when 'expenses' then shown.balance else -shown.balance end)
        {{ condition }}, 0) as {{ name }}amount,
    coalesce(-sum(shown.balance) {{ condition }}, 0) as {{ name }}result{{ ',' if not loop.last }}
    {%- endfor %}
from shown
cross join depth
left join resolved
    on resolved.fiscal_year_start = shown.fiscal_year_start
    and resolved.stem = left(shown.account_number, depth.digits)
{{ pennylane_described('income_statement', 'shown', 'resolved.line') }}
left join {{ pennylane_account_labels() }} as account
    on account.company_id = shown.company_id and account.account_number = shown.account_number
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14{{ ', 15' if by_month }}
{%- endmacro -%}
