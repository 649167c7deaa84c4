{#- The raw tables that have a history, with their keys; also if it is no longer kept. -#}
{%- macro pennylane_history_kept(schema) -%}
  {%- set found = {} -%}
  {%- if execute -%}
    {%- for row in run_query("
        select pg_class.relname::text as name, (
            select jsonb_agg(attname order by attnum) from pg_attribute
            where attrelid = pg_class.oid and attnum > 1
              and attnum < (
                  select change.attnum from pg_attribute as change
                  where change.attrelid = pg_class.oid and change.attname = 'change'
              )
        )::text as keys
        from pg_class
        where relnamespace = to_regnamespace(" ~ pennylane_quoted(adapter.quote(pennylane_history_schema(schema))) ~ ")
            and relkind = 'r'
            and relname in ('" ~ pennylane_streams() | join("', '") ~ "')
        order by pg_class.relname
    ").rows -%}
      {%- do found.update({row['name']: fromjson(row['keys'])}) -%}
    {%- endfor -%}
  {%- endif -%}
  {{ return(found) }}
{%- endmacro -%}

{#- The same for all raw schemas: schema, table and keys. -#}
{%- macro pennylane_history_everywhere() -%}
  {%- set found = [] -%}
  {%- for schema in pennylane_schemas() -%}
    {%- for name, keys in pennylane_history_kept(schema).items() -%}
      {%- do found.append([schema, name, keys]) -%}
    {%- endfor -%}
  {%- endfor -%}
  {{ return(found) }}
{%- endmacro -%}

{#- The keys of a table without the company, which has a column of its own. -#}
{%- macro pennylane_history_own_keys(keys) -%}
{{ return(keys | reject('equalto', 'company_id') | list or keys) }}
{%- endmacro -%}

{#- What changed, as text: each column with its old and its new value. -#}
{%- macro pennylane_history_differences(row) -%}
(
        select string_agg(
            concat(
                became.key, ': ', coalesce({{ row }}.record ->> became.key, 'null'), ' → ',
                coalesce({{ row }}.became ->> became.key, 'null')
            ),
            '; ' order by became.key
        )
        from jsonb_object_keys({{ row }}.became) as became (key)
        where became.key <> 'updated_at'
    )
{%- endmacro -%}

{#- Whether a change is one to its user: not if only Pennylane's own time of the change differs, or if a row was
    removed that had been deleted before. -#}
{%- macro pennylane_history_shows(row) -%}
{{ row }}.change <> 'removed' and ({{ row }}.change <> 'updated' or {{ row }}.became - 'updated_at' <> '{}')
{%- endmacro -%}
