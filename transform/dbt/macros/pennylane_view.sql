{#- A view that is left alone if it is unchanged, and otherwise replaced in place, so that dependent views and
    grants stay.

    dbt's own materialization drops and renames in every run: it waits for every reader of the view, and all
    others wait behind it. Only if columns change or disappear are the view and its dependent views dropped and
    created again. -#}
{%- materialization pennylane_view, adapter='postgres' -%}
  {%- set view = this.incorporate(type='view') -%}
  {{ run_hooks(pre_hooks) }}
  {%- if not pennylane_is_the_same(view, sql) -%}
    {%- do pennylane_in_short_waits(view, 'could not be replaced', "
    begin
      execute $create$ create or replace view " ~ view ~ " as " ~ sql ~ " $create$;
    exception when invalid_table_definition or wrong_object_type then
      execute format('drop %s " ~ view ~ " cascade', (
        select case relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end
        from pg_class where oid = " ~ pennylane_oid(view) ~ "
      ));
      execute $create$ create view " ~ view ~ " as " ~ sql ~ " $create$;
    end") -%}
  {%- endif -%}
  {%- do pennylane_comments(view, model) -%}
  {%- call statement('main') %}select 'unchanged or replaced' as view{% endcall -%}
  {{ run_hooks(post_hooks) }}
  {%- do adapter.commit() -%}
  {{ return({'relations': [view]}) }}
{%- endmaterialization -%}

{#- A relation's oid in PostgreSQL's catalog, as SQL; null if it does not exist. -#}
{%- macro pennylane_oid(relation) -%}
to_regclass('{{ relation.include(database=false) }}')
{%- endmacro -%}

{#- Whether a view with this definition and these columns exists. A temporary view shows PostgreSQL's own form
    of the definition, and takes no lock that affects readers. -#}
{%- macro pennylane_is_the_same(view, sql) -%}
  {%- call statement('wanted') %}
    set local lock_timeout = '1min';
    create temporary view pennylane_wanted as {{ sql }}
  {% endcall -%}
  {%- call statement('compared', fetch_result=true) %}
    select count(distinct (pg_get_viewdef(pg_class.oid), described.columns)) = 1 and count(*) = 2 as is_same
    from pg_class
    cross join lateral (
        select array_agg(attname || ' ' || format_type(atttypid, atttypmod) order by attnum) as columns
        from pg_attribute
        where attrelid = pg_class.oid and attnum > 0 and not attisdropped
    ) as described
    where relkind = 'v'
        and oid in ({{ pennylane_oid(view) }}, to_regclass('pg_temp.pennylane_wanted'))
  {% endcall -%}
  {%- call statement('forgotten') %}drop view pg_temp.pennylane_wanted{% endcall -%}
  {%- do adapter.commit() -%}
  {{ return(load_result('compared').table.rows[0].is_same) }}
{%- endmacro -%}

{#- The comments of a view and its columns, written if missing or changed. A description without French stays
    English. -#}
{%- macro pennylane_comments(view, model) -%}
  {%- set french = pennylane_french() if pennylane_language() == 'fr' else {} -%}
  {%- set wanted = {} -%}
  {%- for name, column in model.columns.items() if column.description -%}
    {%- do wanted.update({name: french.get(column.description | trim, column.description)}) -%}
  {%- endfor -%}
  {%- call statement('silent', fetch_result=true) %}
    select format('comment on view {{ view }} is %L', wanted.text) as command
    from (select {{ pennylane_quoted(french.get(model.description | trim, model.description)) }} as text) as wanted
    where wanted.text <> '' and wanted.text is distinct from obj_description({{ pennylane_oid(view) }}, 'pg_class')
    union all
    select format('comment on column {{ view }}.%I is %L', attname, wanted.value)
    from jsonb_each_text({{ pennylane_quoted(tojson(wanted)) }}::jsonb) as wanted
    inner join pg_attribute
        on attrelid = {{ pennylane_oid(view) }} and attname = wanted.key and attnum > 0
    where wanted.value is distinct from col_description(attrelid, attnum)
  {% endcall -%}
  {%- do adapter.commit() -%}
  {%- set commands = load_result('silent').table.columns[0].values() -%}
  {%- if commands -%}
    {%- do pennylane_in_short_waits(view, 'could not be given its comments', commands | join(';\n')) -%}
  {%- endif -%}
{%- endmacro -%}

{%- macro pennylane_quoted(text) -%}
'{{ text | replace("'", "''") }}'
{%- endmacro -%}
