{#- A schema without any table of the tap is most often the wrong one: say it, and build empty views. -#}
{%- macro pennylane_say_if_empty() -%}
  {%- if execute and flags.WHICH in ['build', 'run'] -%}
    {%- set raw = source('pennylane', 'sync_log') -%}
    {%- set found = run_query(
        "select count(*) from pg_tables where schemaname = " ~ pennylane_quoted(raw.schema)
        ~ " and tablename in ('" ~ pennylane_streams() | join("', '") ~ "')"
    ).rows[0][0] -%}
    {%- if not found -%}
      {%- do print(
          'The schema ' ~ raw.schema ~ ' of the database ' ~ target.database ~ ' holds no table of tap-pennylane: '
          ~ 'the views are empty. Load first, or set the var pennylane_schema to the schema that the target writes to.'
      ) -%}
    {%- endif -%}
  {%- endif -%}
{%- endmacro -%}
