{#- A view that is replaced where it is, so that the views on it and who may read it stay.

    dbt's own materialization drops the old view with all that depends on it: whoever asks a mart
    during a build would find it gone. Only when columns go or change is the view made anew. -#}
{%- materialization live_view, adapter='postgres' -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set view = this.incorporate(type='view') -%}
  {%- if existing is not none and not existing.is_view -%}
    {%- do adapter.drop_relation(existing) -%}
  {%- endif -%}
  {{ run_hooks(pre_hooks) }}
  {%- call statement('main') %}
    do $live_view$
    begin
      execute $create$ create or replace view {{ view }} as {{ sql }} $create$;
    exception when invalid_table_definition then
      drop view {{ view }} cascade;
      execute $create$ create view {{ view }} as {{ sql }} $create$;
    end
    $live_view$
  {%- endcall -%}
  {%- do persist_docs(view, model) -%}
  {{ run_hooks(post_hooks) }}
  {%- do adapter.commit() -%}
  {{ return({'relations': [view]}) }}
{%- endmaterialization -%}
