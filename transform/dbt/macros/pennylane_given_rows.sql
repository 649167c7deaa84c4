{#- A table that people fill themselves, in the first raw schema; no rows as long as it is not there.

    name: of the table.
    columns: name → type. -#}
{%- macro pennylane_given_rows(name, columns) -%}
  {%- set relation = load_relation(api.Relation.create(
      database=target.database, schema=pennylane_schemas() | first, identifier=name
  )) if execute -%}
(
    select
    {%- for column, type in columns.items() %}
        {{ column if relation else 'null' }}::{{ type }} as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
    {{ 'from ' ~ relation if relation else 'where false' }}
)
{%- endmacro -%}
