{#- A view that is left alone if it is unchanged, and otherwise replaced in place, so that dependent views and
    grants stay.

    dbt's own materialization drops and renames in every run: it waits for every reader of the view, and all
    others wait behind it. Only if columns change or disappear are the view and its dependent views dropped and
    created again. -#}
{%- materialization pennylane_view, adapter='postgres' -%}
  {%- set view = this.incorporate(type='view') -%}
  {%- set comments = pennylane_comments(view, model) -%}
  {{ run_hooks(pre_hooks) }}
  {%- call statement('main', fetch_result=true) %}{{ pennylane_compared(view, sql, comments) }}{% endcall -%}
  {%- do adapter.commit() -%}
  {%- set outcome = load_result('main').table.rows[0].outcome -%}
  {%- if outcome != 'same' -%}
    {%- set trouble = 'could not be ' ~ ('given its comments' if outcome == 'comments' else 'replaced') -%}
    {%- do pennylane_in_short_waits(view, trouble, (pennylane_replace(view, sql) if outcome == 'definition' else '')
        ~ pennylane_execute_all(comments)) -%}
  {%- endif -%}
  {%- if post_hooks -%}
    {#- A hook that has nothing to do leaves no transaction to commit. -#}
    {%- call statement('before_hooks') %}select{% endcall -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
  {%- endif -%}
  {{ return({'relations': [view]}) }}
{%- endmaterialization -%}

{#- Runs the commands that a query returns, as PL/pgSQL. -#}
{%- macro pennylane_execute_all(query) -%}
    declare
      command text;
    begin
      for command in {{ query }} loop
        execute command;
      end loop;
    end
{%- endmacro -%}

{#- Replaces a view, as PL/pgSQL. -#}
{%- macro pennylane_replace(view, sql) -%}
    begin
      execute $create$ create or replace view {{ view }} as {{ sql }} $create$;
    exception when invalid_table_definition or wrong_object_type then
      execute format('drop %s {{ view }} cascade', (
        select case relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end
        from pg_class where oid = {{ pennylane_oid(view) }}
      ));
      execute $create$ create view {{ view }} as {{ sql }} $create$;
    end;
{%- endmacro -%}

{#- A relation's oid in PostgreSQL's catalog, as SQL; null if it does not exist. -#}
{%- macro pennylane_oid(relation) -%}
to_regclass('{{ relation.include(database=false) }}')
{%- endmacro -%}

{#- What has to change in a view: its `definition` (or its columns), its `comments`, or nothing (`same`). It is a single
    query, because dbt takes longer for each query than PostgreSQL does. A temporary view shows PostgreSQL's own form of the
    definition, and takes no lock that affects readers.

    comments: the query that finds the comments to write. -#}
{%- macro pennylane_compared(view, sql, comments) -%}
    set local lock_timeout = '1min';
    do $pennylane$
    begin
      execute $create$ create temporary view pennylane_wanted as {{ sql }} $create$;
      perform set_config('pennylane.outcome', case
        when not (
          select count(distinct (pg_get_viewdef(pg_class.oid), described.columns)) = 1 and count(*) = 2
          from pg_class
          cross join lateral (
              select array_agg(attname || ' ' || format_type(atttypid, atttypmod) order by attnum) as columns
              from pg_attribute
              where attrelid = pg_class.oid and attnum > 0 and not attisdropped
          ) as described
          where relkind = 'v'
              and oid in ({{ pennylane_oid(view) }}, to_regclass('pg_temp.pennylane_wanted'))
        ) then 'definition'
        when exists ({{ comments }}) then 'comments'
        else 'same'
      end, true);
      drop view pg_temp.pennylane_wanted;
    end
    $pennylane$;
    select current_setting('pennylane.outcome') as outcome
{%- endmacro -%}

{#- The commands that write the comments of a view and its columns, as a query: of those that are missing or differ. A
    description without French stays English. -#}
{%- macro pennylane_comments(view, model) -%}
  {%- set french = pennylane_french() if pennylane_language() == 'fr' else {} -%}
  {%- set wanted = {} -%}
  {%- for name, column in model.columns.items() if column.description -%}
    {%- do wanted.update({name: french.get(column.description | trim, column.description)}) -%}
  {%- endfor -%}
    select format('comment on view {{ view }} is %L', wanted.text) as command
    from (select {{ pennylane_quoted(french.get(model.description | trim, model.description)) }} as text) as wanted
    where wanted.text <> '' and wanted.text is distinct from obj_description({{ pennylane_oid(view) }}, 'pg_class')
    union all
    select format('comment on column {{ view }}.%I is %L', attname, wanted.value)
    from jsonb_each_text({{ pennylane_quoted(tojson(wanted)) }}::jsonb) as wanted
    inner join pg_attribute
        on attrelid = {{ pennylane_oid(view) }} and attname = wanted.key and attnum > 0
    where wanted.value is distinct from col_description(attrelid, attnum)
{%- endmacro -%}

{%- macro pennylane_quoted(text) -%}
'{{ text | replace("'", "''") }}'
{%- endmacro -%}
