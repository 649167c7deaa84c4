{#- Records the outcome of a run of all tests of this package, for the health check: when, how many, and by name
    which failed, each with its number of rows (null if it could not run). A run of some tests proves nothing
    about the others, so it is not recorded. Outcomes are kept for a year.

    results: of the run, as dbt gives them at its end. -#}
{%- macro pennylane_remember_tests(results) -%}
{%- if execute and flags.WHICH in ['build', 'test'] -%}
  {%- set all = [] -%}
  {%- for node in graph.nodes.values() if node.resource_type == 'test' and node.package_name == 'pennylane' -%}
    {%- do all.append(node.unique_id) -%}
  {%- endfor -%}
  {%- set ran, failed = [], {} -%}
  {%- for result in results if result.node.unique_id in all -%}
    {%- do ran.append(result.node.name) -%}
    {%- if result.status not in ['pass', 'warn'] -%}
      {%- do failed.update({result.node.name: result.failures if result.status == 'fail' else none}) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if ran | length == all | length -%}
    {%- set logs = (graph.nodes.values() | selectattr('package_name', 'equalto', 'pennylane') | selectattr('name', 'equalto', 'pennylane_bookmarks') | first).schema -%}
    {%- set outcomes = api.Relation.create(database=target.database, schema=logs, identifier='pennylane_test_runs') -%}
    create schema if not exists {{ adapter.quote(logs) }};
    {%- if load_relation(outcomes) is none %}
    create table if not exists {{ outcomes }} (tested_at timestamptz not null, tests integer not null, failed jsonb not null);
    comment on table {{ outcomes }} is 'When all tests ran, how many there were, and which failed, with their numbers of rows';
    {%- endif %}
    delete from {{ outcomes }} where tested_at < now() - interval '1 year';
    insert into {{ outcomes }} (tested_at, tests, failed)
    values (now(), {{ ran | length }}, {{ pennylane_quoted(tojson(failed)) }});
  {%- endif -%}
{%- endif -%}
{%- endmacro -%}
