{#- The role for BI tools, if the setting `pennylane_reader_role` names one. It can only read the views, and
    cannot log in until it gets a password: alter role pennylane_reader login password '…'.

    Existing grants are not repeated. -#}

{#- The schemas of this package's models that people query: the views, or those about runs. -#}
{%- macro pennylane_schemas_of(names=[], folders=[]) -%}
  {%- set found = [] -%}
  {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.package_name == 'pennylane' -%}
    {%- if (node.name in names or node.fqn[1] in folders) and node.schema not in found -%}
      {%- do found.append(node.schema) -%}
    {%- endif -%}
  {%- endfor -%}
  {{ return(found | sort) }}
{%- endmacro -%}

{#- The views about runs that the role may read. -#}
{%- macro pennylane_reader_logs() -%}
  {{ return(['etl_logs', 'sync_companies', 'sync_metadata', 'trial_balance_differences', 'pennylane_uncounted_rows',
      'pennylane_run_totals']) }}
{%- endmacro -%}

{#- What the role may read of the runs according to Meltano: all but the payload, which holds the bookmarks. -#}
{%- macro pennylane_reader_run_columns() -%}
  {{ return(['id', 'run_id', 'pipeline', 'started_at', 'ended_at', 'status', 'error']) }}
{%- endmacro -%}

{#- Before the build, so that new views are readable at once. -#}
{%- macro pennylane_reader_prepare() -%}
  {%- set role = pennylane_setting('pennylane_reader_role') -%}
  {%- if execute and role -%}
    {%- set found = run_query("
        select
            exists (select from pg_roles where rolname = " ~ pennylane_quoted(role) ~ ") as is_there,
            (select rolcreaterole or rolsuper from pg_roles where rolname = current_user) as may_create
    ").rows[0] -%}
    {%- if found.is_there -%}
      {{ pennylane_reader_defaults(role) }}
    {%- elif found.may_create and pennylane_is_on('pennylane_create_role') -%}
      create role {{ adapter.quote(role) }} nologin;
      {{ pennylane_reader_defaults(role) }}
    {%- else -%}
      {%- do print(
          'The role ' ~ role ~ ' is missing, and '
          ~ (target.user ~ ' may not create it' if pennylane_is_on('pennylane_create_role') else 'pennylane_create_role is off')
          ~ ': have an administrator run `create role ' ~ role ~ '`; the next build then grants it the views.'
      ) -%}
    {%- endif -%}
  {%- endif -%}
{%- endmacro -%}

{%- macro pennylane_reader_defaults(role) -%}
  {%- for schema in pennylane_schemas_of(folders=['staging', 'marts', 'statements']) %}
      create schema if not exists {{ adapter.quote(schema) }};
      grant usage on schema {{ adapter.quote(schema) }} to {{ adapter.quote(role) }};
      alter default privileges in schema {{ adapter.quote(schema) }} grant select on tables to {{ adapter.quote(role) }};
  {%- endfor %}
  {%- for schema in pennylane_schemas_of(names=pennylane_reader_logs()) %}
      create schema if not exists {{ adapter.quote(schema) }};
      grant usage on schema {{ adapter.quote(schema) }} to {{ adapter.quote(role) }};
  {%- endfor %}
{%- endmacro -%}

{#- After the build: views that are older than the role, and those about runs. -#}
{%- macro pennylane_reader_grant() -%}
  {%- set role = pennylane_setting('pennylane_reader_role') -%}
  {%- if execute and role
      and run_query('select 1 from pg_roles where rolname = ' ~ pennylane_quoted(role)).rows | length -%}
    {%- set schemas = pennylane_schemas_of(folders=['staging', 'marts', 'statements']) -%}
    {%- set logs = pennylane_schemas_of(names=pennylane_reader_logs()) -%}
    {{ run_query("
        select format('grant select on %s to %I', pg_class.oid::regclass, " ~ pennylane_quoted(role) ~ ")
        from pg_class
        where relkind = 'v'
            and (
                relnamespace::regnamespace::text in ('" ~ schemas | join("', '") ~ "')
                or relnamespace::regnamespace::text in ('" ~ logs | join("', '") ~ "')
                and relname in ('" ~ pennylane_reader_logs() | join("', '") ~ "')
            )
            and pg_has_role(relowner, 'usage')
            and not has_table_privilege(" ~ pennylane_quoted(role) ~ ", pg_class.oid, 'select')
        union all
        select format('grant select (" ~ pennylane_reader_run_columns() | join(', ') ~ ") on %s to %I',
            pg_class.oid::regclass, " ~ pennylane_quoted(role) ~ ")
        from pg_class
        where relkind = 'v'
            and relnamespace::regnamespace::text in ('" ~ logs | join("', '") ~ "')
            and relname = 'pennylane_sync_runs'
            and pg_has_role(relowner, 'usage')
            and not has_column_privilege(" ~ pennylane_quoted(role) ~ ", pg_class.oid, 'status', 'select')
    ").columns[0].values() | join(';\n') }}
  {%- endif -%}
{%- endmacro -%}
