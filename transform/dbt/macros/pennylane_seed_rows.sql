{#- The rows of a seed as a subquery. The views contain them instead of reading the seed's table, so that loading
    a seed again waits for no reader.

    seed: the relation.
    columns: name → type. -#}
{%- macro pennylane_seed_rows(seed, columns) -%}
  {%- set rows = [] -%}
  {%- if execute and load_relation(seed) -%}
    {%- set names = columns | join(', ') -%}
    {%- set rows = run_query('select ' ~ names ~ ' from ' ~ seed ~ ' order by ' ~ names).rows -%}
  {%- elif execute and flags.WHICH in ['build', 'run'] -%}
    {%- do exceptions.raise_compiler_error(seed ~ ' is missing. Load it with `dbt seed`, then build again.') -%}
  {%- endif -%}
(
    select
    {%- for name, type in columns.items() %}
        {{ 'row.' ~ name if rows else 'null' }}::{{ type }} as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
    {%- if rows %}
    from (
        values
        {%- for row in rows %}
        (
            {%- for value in row.values() -%}
            {{ 'null' if value is none else pennylane_quoted(value | string) }}{{ ', ' if not loop.last }}
            {%- endfor -%}
        ){{ ',' if not loop.last }}
        {%- endfor %}
    ) as row ({{ columns | join(', ') }})
    {%- else %}
    where false
    {%- endif %}
)
{%- endmacro -%}

{#- Which accounts are in which line of the statements: a rule per prefix and fiscal years. -#}
{%- macro pennylane_statement_accounts() -%}
{{ pennylane_seed_rows(ref('pennylane', 'pennylane_statement_accounts'), {
    'account_prefix': 'text', 'balance': 'text', 'line': 'text', 'part': 'text', 'valid_from': 'date', 'valid_until': 'date',
}) }}
{%- endmacro -%}

{#- The lines of the statements. -#}
{%- macro pennylane_statement_lines() -%}
{{ pennylane_seed_rows(ref('pennylane', 'pennylane_statement_lines'), {
    'statement': 'text', 'position': 'integer', 'side': 'text', 'section_fr': 'text', 'section_en': 'text',
    'line': 'text', 'label_fr': 'text', 'label_en': 'text', 'intermediate_balance': 'text',
    'in_self_financing': 'text', 'valid_from': 'date', 'valid_until': 'date',
}) }}
{%- endmacro -%}
