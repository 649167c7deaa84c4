{#- Meltano's own table of runs or states, if it is in this database; otherwise no rows, with the same columns. -#}
{%- macro pennylane_meltano_table(name, columns) -%}
  {%- set relation = load_relation(api.Relation.create(
      database=target.database, schema=pennylane_setting('pennylane_meltano_schema'), identifier=name
  )) if execute -%}
(
    {%- if relation %}
    select {{ columns.keys() | join(', ') }} from {{ relation }}
    {%- else %}
    select {% for column, type in columns.items() %}null::{{ type }} as {{ column }}{{ ', ' if not loop.last }}{% endfor %}
    where false
    {%- endif %}
)
{%- endmacro -%}

{#- Matches Meltano's names for runs and states of this tap's pipelines into PostgreSQL. -#}
{%- macro pennylane_is_our_pipeline(column) -%}
{{ column }} like '%:tap-pennylane-to-target-postgres%'
{%- endmacro -%}
