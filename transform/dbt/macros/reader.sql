{#- The role of BI tools: it reads the views, and nothing else. It can't log in until somebody gives
    it a password: alter role pennylane_reader login password '…'. -#}

{%- macro reader_schemas() -%}
  {{ return([target.schema ~ '_live', target.schema ~ '_marts']) }}
{%- endmacro -%}

{#- Before the build: what it makes anew is readable from the first moment. -#}
{%- macro reader_prepare() -%}
  {%- if execute -%}
    {%- set found = run_query("
        select
            exists (select from pg_roles where rolname = 'pennylane_reader') as is_there,
            (select rolcreaterole or rolsuper from pg_roles where rolname = current_user) as may_create
    ").rows[0] -%}
    {%- if found.is_there -%}
      {{ reader_defaults() }}
    {%- elif found.may_create -%}
      create role pennylane_reader nologin;
      {{ reader_defaults() }}
    {%- else -%}
      {%- do print(
          'The role pennylane_reader is missing, and ' ~ target.user ~ ' may not create it: have an '
          ~ 'administrator say `create role pennylane_reader`, and the next build lets it read the views.'
      ) -%}
    {%- endif -%}
  {%- endif -%}
{%- endmacro -%}

{%- macro reader_defaults() -%}
  {%- for schema in reader_schemas() %}
      create schema if not exists {{ schema }};
      grant usage on schema {{ schema }} to pennylane_reader;
      alter default privileges in schema {{ schema }} grant select on tables to pennylane_reader;
  {%- endfor %}
      grant usage on schema {{ target.schema }} to pennylane_reader;
{%- endmacro -%}

{#- After it: what was there before the role, and the two logs beside the raw tables. -#}
{%- macro reader_grant() -%}
  {%- if execute and run_query("select 1 from pg_roles where rolname = 'pennylane_reader'").rows | length -%}
    {%- for schema in reader_schemas() %}
      grant select on all tables in schema {{ schema }} to pennylane_reader;
    {%- endfor %}
    {%- for log in ['etl_logs', 'sync_metadata'] -%}
      {%- set view = adapter.get_relation(target.database, target.schema, log) -%}
      {%- if view %}
      grant select on {{ view }} to pennylane_reader;
      {%- endif -%}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
