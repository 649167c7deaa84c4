{#- Common table expressions that say in which line of the statements each account is, in each fiscal year.

    The longest prefix decides. Accounts are compared by as many digits as the longest prefix has, so that thousands
    of customers' accounts cost no more than one.

    Needs the expressions `year` and `sums`, with their names; gives `depth` and `resolved`. -#}
{%- macro pennylane_statement_rules() -%}
rule as (
    select * from {{ pennylane_statement_accounts() }} as seed
),

depth as (
    select max(length(account_prefix)) as digits from rule
),

stem as (
    select distinct left(sums.account_number, depth.digits) as digits
    from sums
    cross join depth
),

resolved as (
    select fiscal_year_start, stem, balance, line, part
    from (
        select
            known.fiscal_year_start,
            stem.digits as stem,
            rule.balance,
            rule.line,
            rule.part,
            rank() over (
                partition by known.fiscal_year_start, stem.digits
                order by length(rule.account_prefix) desc
            ) as place
        from stem
        cross join lateral generate_series(1, length(stem.digits)) as length (digits)
        inner join rule on rule.account_prefix = left(stem.digits, length.digits)
        inner join (select distinct fiscal_year_start from year) as known
            on known.fiscal_year_start >= coalesce(rule.valid_from, '-infinity')
            and known.fiscal_year_start <= coalesce(rule.valid_until, 'infinity')
    ) as candidate
    where place = 1
)
{%- endmacro -%}

{#- The name of each account. -#}
{%- macro pennylane_account_labels() -%}
(
    select company_id, account_number, max(account_label) as account_label
    from {{ ref('stg_pennylane__ledger_accounts') }}
    group by company_id, account_number
)
{%- endmacro -%}

{#- Joins the `line` of a statement that is in force in the fiscal year of each row.

    statement: balance_sheet or income_statement.
    rows: the rows, by fiscal year.
    line: SQL of the name of their line. -#}
{%- macro pennylane_described(statement, rows, line) -%}
left join {{ pennylane_statement_lines() }} as line
    on line.statement = '{{ statement }}'
    and line.line = {{ line }}
    and {{ rows }}.fiscal_year_start >= coalesce(line.valid_from, '-infinity')
    and {{ rows }}.fiscal_year_start <= coalesce(line.valid_until, 'infinity')
{%- endmacro -%}
