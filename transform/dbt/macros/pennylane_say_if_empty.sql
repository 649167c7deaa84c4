{#- A schema without any table from the tap is usually the wrong one: print a message, and build empty views. -#}
{%- macro pennylane_say_if_empty() -%}
  {%- for schema in pennylane_schemas() if execute and flags.WHICH in ['build', 'run'] -%}
    {%- set found = run_query(
        "select count(*) from pg_tables where schemaname = " ~ pennylane_quoted(schema)
        ~ " and tablename in ('" ~ pennylane_streams() | join("', '") ~ "')"
    ).rows[0][0] -%}
    {%- if not found -%}
      {%- do print(
          'The schema ' ~ schema ~ ' in the database ' ~ target.database ~ ' holds no table from tap-pennylane: '
          ~ ('its company is not in the views' if pennylane_schemas() | length > 1 else 'the views are empty')
          ~ '. Load first, or set the variable pennylane_schema to the schema that the target uses.'
      ) -%}
    {%- endif -%}
  {%- endfor -%}
{%- endmacro -%}
