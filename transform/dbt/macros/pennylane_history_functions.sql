{#- Live views as they were at a moment: pennylane_live.ledger_entry_lines_on('2026-03-31 18:00 Europe/Paris').

    A function has the definition of its view, with each raw table replaced by its rows as they were: rows that have
    not changed since, and the earliest later record of those that have. It runs with its owner's rights, because
    readers may not read the history itself; only readers of the view's schema get it. -#}
{%- macro pennylane_history_views() -%}
{{ return(['ledger_entries', 'ledger_entry_lines', 'customer_invoices', 'supplier_invoices', 'transactions']) }}
{%- endmacro -%}

{%- macro pennylane_history_functions() -%}
  {%- if execute and flags.WHICH in ['build', 'run'] -%}
    {%- set live = (graph.nodes.values() | selectattr('package_name', 'equalto', 'pennylane')
        | selectattr('name', 'equalto', 'stg_pennylane__ledger_entries') | first).schema -%}
    {%- set followed = [] -%}
    {%- for schema in pennylane_schemas() if pennylane_is_on('pennylane_history') -%}
      {%- for name in pennylane_history_triggers(schema) -%}
        {%- do followed.append([schema, name]) -%}
      {%- endfor -%}
    {%- endfor -%}
    {%- for name in pennylane_history_views() -%}
      {%- set view = api.Relation.create(database=target.database, schema=live, identifier=name) -%}
      {%- set function = adapter.quote(live) ~ '.' ~ adapter.quote(name ~ '_on') -%}
      {%- set is_there = run_query('select ' ~ pennylane_oid(view) ~ ' is not null').rows[0][0] -%}
      {%- if is_there and followed | selectattr(1, 'equalto', name) | list -%}
        {%- do pennylane_history_function(view, function, followed) -%}
      {%- elif run_query("select to_regnamespace('" ~ adapter.quote(live) ~ "') is not null").rows[0][0] -%}
        {%- call statement('nothing') %}
          set local client_min_messages = warning;
          drop function if exists {{ function }}(timestamptz)
        {% endcall -%}
        {%- do adapter.commit() -%}
      {%- endif -%}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro -%}

{%- macro pennylane_history_function(view, function, followed) -%}
  {%- set role = pennylane_setting('pennylane_reader_role') -%}
  {%- call statement('function') %}
    do $pennylane$
    declare
      query text;
      begins text[] := '{}';
      parts text[] := '{}';
      columns text;
      definition text;
      raw record;
    begin
      -- So that the definition names the schemas of all tables.
      set local search_path = pg_catalog;
      query := rtrim(pg_get_viewdef({{ pennylane_oid(view) }}), ';');
      select string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' order by attnum)
      into columns
      from pg_attribute where attrelid = {{ pennylane_oid(view) }} and attnum > 0 and not attisdropped;
      for raw in
        select
          pg_class.oid::regclass::text as place,
          format('%I.%I', relnamespace::regnamespace::text || '_history', relname) as history,
          format('%I', relnamespace::regnamespace::text || '_history') as schema,
          relname::text as name,
          'later_' || pg_class.oid as later,
          'then_' || pg_class.oid as back_then,
          string_agg(quote_ident(attname), ', ') as keys,
          string_agg(format('later.%1$I = row.%1$I', attname), ' and ') as same
        from pg_class
        inner join pg_index on indrelid = pg_class.oid and indisprimary
        inner join pg_attribute on attrelid = pg_class.oid and attnum = any(indkey)
        where (relnamespace::regnamespace::text, relname) in (
            {%- for schema, name in followed %}
            ({{ pennylane_quoted(schema) }}, '{{ name }}'){{ ',' if not loop.last }}
            {%- endfor %}
          )
          and position(pg_class.oid::regclass::text || ' ' in query) > 0
        group by pg_class.oid
      loop
        query := replace(
          replace(query, ' ' || raw.place || ' ', ' ' || raw.back_then || ' '),
          '(' || raw.place || ' ', '(' || raw.back_then || ' '
        );
        begins := begins || format(
          'select %L as name, since from %s._kept where table_name = %L', raw.place, raw.schema, raw.name
        );
        parts := parts || format(
          $part$
          %1$s as materialized (
            select distinct on (%2$s) * from %3$s where changed_at > $1 order by %2$s, change_id
          ),
          %4$s as (
            select row.* from %5$s as row where not exists (select from %1$s as later where %6$s)
            union all
            select past.* from %1$s as later
            cross join lateral jsonb_populate_record(null::%5$s, later.record) as past
            where later.change <> 'added'
          )
          $part$,
          raw.later, raw.keys, raw.history, raw.back_then, raw.place, raw.same
        );
      end loop;
      definition := format(
        $definition$
        create or replace function {{ function }}(moment timestamptz) returns table (%s)
        language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $function$
        #variable_conflict use_column
        declare
          kept record;
        begin
          select * into kept from (%s) as begins order by since desc limit 1;
          if $1 < kept.since then
            raise exception 'The audit trail of %% begins on %%: what was there before is unknown.', kept.name,
              to_char(kept.since, 'YYYY-MM-DD HH24:MI:SS TZH:TZM');
          end if;
          return query with %s select * from (%s) as shown;
        end
        $function$
        $definition$,
        columns, array_to_string(begins, ' union all '), array_to_string(parts, ','), query
      );
      begin
        execute definition;
      exception when invalid_function_definition then
        drop function {{ function }}(timestamptz);
        execute definition;
      end;
      comment on function {{ function }}(timestamptz) is {{ pennylane_quoted(pennylane_in_language(
          'The rows of ' ~ view.identifier ~ ' as they were at a moment',
          'Les lignes de la vue ' ~ view.identifier ~ ' telles qu\'elles étaient à un moment donné'
      )) }};
      revoke execute on function {{ function }}(timestamptz) from public;
      {%- if role %}
      if exists (select from pg_roles where rolname = {{ pennylane_quoted(role) }}) then
        grant execute on function {{ function }}(timestamptz) to {{ adapter.quote(role) }};
      end if;
      {%- endif %}
    end
    $pennylane$
  {% endcall -%}
  {%- do adapter.commit() -%}
{%- endmacro -%}
