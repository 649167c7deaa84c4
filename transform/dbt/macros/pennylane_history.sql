{#- The audit trail: triggers on the raw tables keep each row as it was before a change, in the schema named after
    that of the raw tables, with `_history`. docs/audit-trail.md explains it.

    Triggers are created and brought up to date if the setting `pennylane_history` is on, and dropped if it is off;
    what they wrote stays. -#}
{%- macro pennylane_history_prepare() -%}
  {%- for schema in pennylane_schemas() if execute and flags.WHICH in ['build', 'run'] -%}
    {%- set wanted = pennylane_history_tables(schema) if pennylane_is_on('pennylane_history') else {} -%}
    {%- set there = pennylane_history_triggers(schema) -%}
    {%- for name, table in wanted.items() -%}
      {%- set definition = pennylane_history_definition(schema, name, table) -%}
      {%- set digest = local_md5(definition) -%}
      {%- set names = pennylane_history_names(name, pennylane_history_is_of_firm(name, table['keys'])) -%}
      {%- if there.get(name) != [digest, names | length] -%}
        {%- do pennylane_history_follow(schema, name, definition, digest, names | length) -%}
      {%- endif -%}
    {%- endfor -%}
    {%- for name in there if name not in wanted -%}
      {%- do pennylane_history_leave(schema, name) -%}
    {%- endfor -%}
    {%- do pennylane_history_retention(schema) -%}
  {%- endfor -%}
{%- endmacro -%}

{#- Tables without a history: the record of runs, and the exports, whose files are read as new rows each time. -#}
{%- macro pennylane_history_ignored() -%}
{{ return(['sync_log', 'fec', 'general_ledger_export', 'analytical_general_ledger_export']) }}
{%- endmacro -%}

{%- macro pennylane_history_schema(schema) -%}{{ return(schema ~ '_history') }}{%- endmacro -%}

{#- The raw tables that get a history: their columns, and their keys with types. -#}
{%- macro pennylane_history_tables(schema) -%}
  {%- set found = {} -%}
  {%- for row in run_query("
      select
          pg_class.relname::text as name,
          (
              select jsonb_agg(attname order by attnum) from pg_attribute
              where attrelid = pg_class.oid and attnum > 0 and not attisdropped
          )::text as columns,
          (
              select json_object_agg(
                  attname, format_type(atttypid, atttypmod) order by array_position(indkey::int2[], attnum)
              ) from pg_attribute
              where attrelid = pg_class.oid and attnum = any(pg_index.indkey)
          )::text as keys
      from pg_class
      inner join pg_index on indrelid = pg_class.oid and indisprimary
      where relnamespace = to_regnamespace(" ~ pennylane_quoted(adapter.quote(schema)) ~ ")
          and relkind in ('r', 'p')
          and relname in ('" ~ pennylane_streams() | join("', '") ~ "')
          and relname not in ('" ~ pennylane_history_ignored() | join("', '") ~ "')
      order by pg_class.relname
  ").rows -%}
    {%- set columns = fromjson(row['columns']) -%}
    {%- if '_sdc_deleted_at' in columns and '_sdc_extracted_at' in columns -%}
      {%- do found.update({row['name']: {'columns': columns, 'keys': fromjson(row['keys'])}}) -%}
    {%- endif -%}
  {%- endfor -%}
  {{ return(found) }}
{%- endmacro -%}

{#- The raw tables that have triggers: what defined them, and how many there are. -#}
{%- macro pennylane_history_triggers(schema) -%}
  {%- set found = {} -%}
  {%- set kept = adapter.quote(pennylane_history_schema(schema)) ~ '._kept' -%}
  {%- set is_there = run_query("select to_regclass(" ~ pennylane_quoted(kept) ~ ") is not null").rows[0][0] -%}
  {%- for row in run_query("
      select pg_class.relname::text as name, count(*)::int as triggers, "
      ~ ("(select definition from " ~ kept ~ " where table_name = pg_class.relname)" if is_there else "null")
      ~ "::text as definition
      from pg_trigger
      inner join pg_class on pg_class.oid = tgrelid
      where relnamespace = to_regnamespace(" ~ pennylane_quoted(adapter.quote(schema)) ~ ")
          and starts_with(tgname, 'pennylane_history_') and not tgisinternal and tgenabled <> 'D'
      group by pg_class.relname
  ").rows -%}
    {%- do found.update({row['name']: [row['definition'], row['triggers']]}) -%}
  {%- endfor -%}
  {{ return(found) }}
{%- endmacro -%}

{#- Create or replace the triggers of a table. That blocks no reader, but waits for anyone who writes to it. -#}
{%- macro pennylane_history_follow(schema, name, definition, digest, triggers) -%}
  {%- set table = api.Relation.create(database=target.database, schema=schema, identifier=name) -%}
  {%- set history = adapter.quote(pennylane_history_schema(schema)) -%}
  {%- call statement('history', fetch_result=true) %}
    do $pennylane$
    begin
      set local lock_timeout = '5s';
      set local client_min_messages = warning;
      if to_regnamespace('{{ history }}') is null then
        create schema {{ history }};
        comment on schema {{ history }} is 'The audit trail: rows as they were before they changed';
      end if;
      create table if not exists {{ history }}._kept (
        table_name text primary key, since timestamptz not null, definition text not null
      );
      comment on table {{ history }}._kept is 'Since when the history of each table is complete';
      lock table {{ table }} in share row exclusive mode;
      if {{ triggers }} > (
        select count(*) from pg_trigger
        where tgrelid = {{ pennylane_oid(table) }} and starts_with(tgname, 'pennylane_history_') and tgenabled <> 'D'
      ) then
        insert into {{ history }}._kept values ('{{ name }}', clock_timestamp(), '')
        on conflict (table_name) do update set since = excluded.since;
      end if;
      {{ definition }}
      update {{ history }}._kept set definition = '{{ digest }}' where table_name = '{{ name }}';
      perform set_config('pennylane.outcome', 'done', true);
    exception
      when lock_not_available then
        perform set_config('pennylane.outcome', 'in use', true);
      when insufficient_privilege then
        perform set_config('pennylane.outcome', sqlerrm, true);
    end
    $pennylane$;
    select current_setting('pennylane.outcome') as outcome
  {% endcall -%}
  {%- do adapter.commit() -%}
  {%- set outcome = load_result('history').table.rows[0].outcome -%}
  {%- if outcome != 'done' -%}
    {%- do print(
        schema ~ '.' ~ name ~ ' got no audit trail, because '
        ~ ('it is in use: ' ~ (pennylane_holders(table) | join('; ')) ~ '. The next build tries again.'
           if outcome == 'in use'
           else 'the role ' ~ target.user ~ ' may not create it (' ~ outcome
                ~ '). Build as the owner of the tables, or set pennylane_history to false.')
    ) -%}
  {%- endif -%}
{%- endmacro -%}

{#- Drop the triggers of a table; its history stays. -#}
{%- macro pennylane_history_leave(schema, name) -%}
  {%- set table = api.Relation.create(database=target.database, schema=schema, identifier=name) -%}
  {%- set orders = [] -%}
  {%- for trigger in pennylane_history_names(name) -%}
    {%- do orders.append('drop trigger if exists ' ~ trigger ~ ' on ' ~ table) -%}
  {%- endfor -%}
  {%- do pennylane_in_short_waits(table, 'still has an audit trail', orders | join(';\n'), fatal=false) -%}
{%- endmacro -%}

{#- If the setting `pennylane_history_days` is set, older changes are deleted: by each build, and by each run of
    this repository's pipeline, which calls the function. -#}
{%- macro pennylane_history_retention(schema) -%}
  {%- set history = adapter.quote(pennylane_history_schema(schema)) -%}
  {%- set days = pennylane_setting('pennylane_history_days') | string -%}
  {%- if days and not modules.re.match('^[0-9]{1,5}$', days) -%}
    {%- do exceptions.raise_compiler_error(
        "pennylane_history_days is '" ~ days ~ "'. Set it to a number of days, or leave it empty to keep all changes."
    ) -%}
  {%- endif -%}
  {%- if run_query("select to_regclass('" ~ history ~ "._kept') is not null").rows[0][0] -%}
    {%- call statement('retention') %}
      {%- if days %}
      create or replace function {{ history }}._prune() returns void language plpgsql as $prune$
      declare
        kept record;
        oldest constant timestamptz := now() - interval '{{ days }} days';
      begin
        for kept in select table_name from {{ history }}._kept loop
          execute format('delete from {{ history }}.%I where changed_at < $1', kept.table_name) using oldest;
        end loop;
        update {{ history }}._kept set since = oldest where since < oldest;
      end
      $prune$;
      select {{ history }}._prune()
      {%- else %}
      set local client_min_messages = warning;
      drop function if exists {{ history }}._prune()
      {%- endif %}
    {%- endcall -%}
    {%- do adapter.commit() -%}
  {%- endif -%}
{%- endmacro -%}
