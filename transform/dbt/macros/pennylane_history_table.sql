{#- What keeps the history of one raw table: a table, a function, and triggers that call it. The WHEN clause of the
    trigger on updates costs a row that is written again unchanged next to nothing: no function is called.

    A row of the history is one change: the record as it was (`record`), from when to when (`known_from`, empty if
    that was before the history began, and `changed_at`), and what replaced it (`became`: the columns that changed,
    with their new values). -#}
{%- macro pennylane_history_definition(schema, name, table) -%}
{%- set raw = adapter.quote(schema) ~ '.' ~ adapter.quote(name) -%}
{%- set history = adapter.quote(pennylane_history_schema(schema)) ~ '.' ~ adapter.quote(name) -%}
{%- set part = adapter.quote(pennylane_history_schema(schema)) ~ '.' ~ adapter.quote(name ~ '_part') -%}
{%- set company = adapter.quote(pennylane_history_schema(schema)) ~ '.' ~ adapter.quote(name ~ '_company') -%}
{%- set keys = table['keys'].keys() | list -%}
{%- set quoted = pennylane_history_columns(keys) -%}
{%- set marker = pennylane_markers().get(name) -%}
{%- set compared = [] -%}
{%- for column in table['columns'] if column not in keys and not column.startswith('_sdc_')
    and not pennylane_history_is_volatile(name, column) -%}
  {%- do compared.append(column) -%}
{%- endfor -%}
{%- set left_out = [] -%}
{%- for column in table['columns'] if column.startswith('_sdc_') -%}
  {%- do left_out.append(column) -%}
{%- endfor -%}
      create table if not exists {{ history }} (
        change_id bigint generated always as identity,
        {% for key, type in table['keys'].items() %}{{ adapter.quote(key) }} {{ type }} not null,
        {% endfor %}change text not null,
        known_from timestamptz,
        changed_at timestamptz not null,
        record jsonb,
        became jsonb
      );
      comment on table {{ history }} is 'Changes of {{ name }}: the record as it was, and what replaced it';
      create index if not exists {{ adapter.quote(name ~ '_key') }} on {{ history }} ({{ quoted }}, change_id);
      create index if not exists {{ adapter.quote(name ~ '_when') }} on {{ history }} using brin (changed_at);

      create or replace function {{ history }}() returns trigger
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $trigger$
      declare
        what text := 'deleted';
        was jsonb;
        became jsonb;
      begin
        if current_setting('pennylane.history', true) = 'off' then
          return null;
        end if;
        if tg_op = 'INSERT' then
          insert into {{ history }} ({{ quoted }}, change, changed_at)
          values ({{ pennylane_history_columns(keys, 'new') }}, 'added', clock_timestamp());
          return null;
        end if;
        if tg_op = 'TRUNCATE' then
          insert into {{ history }} ({{ quoted }}, change, known_from, changed_at, record)
          select
            {{ pennylane_history_columns(keys, 'gone') }},
            case when gone._sdc_deleted_at is null then 'deleted' else 'removed' end,
            {{ pennylane_history_latest(history, keys, 'gone') }},
            clock_timestamp(),
            {{ pennylane_history_record('gone', left_out) }}
          from {{ raw }} as gone{{ ' where not (' ~ marker ~ ')' if marker }};
          return null;
        end if;
        was := {{ pennylane_history_record('old', left_out) }};
        if old._sdc_deleted_at is not null then
          was := was || jsonb_build_object('_sdc_deleted_at', old._sdc_deleted_at);
        end if;
        if tg_op = 'DELETE' then
          if old._sdc_deleted_at is not null then
            what := 'removed';
          end if;
        elsif new._sdc_deleted_at is null or old._sdc_deleted_at is not null then
          what := case when new._sdc_deleted_at is null and old._sdc_deleted_at is not null
            then 'returned' else 'updated' end;
          select coalesce(jsonb_object_agg(key, value), '{}') into became
          from jsonb_each({{ pennylane_history_record('new', left_out) }})
          where value is distinct from was -> key;
        end if;
        insert into {{ history }} ({{ quoted }}, change, known_from, changed_at, record, became)
        values (
          {{ pennylane_history_columns(keys, 'old') }}, what,
          {{ pennylane_history_latest(history, keys, 'old') }},
          clock_timestamp(), was, became
        );
        return null;
      end
      $trigger$;

      {% if marker -%}
      {%- set parts = keys | reject('equalto', marker.split(' ')[0]) | list -%}
      create or replace function {{ part }}() returns trigger language plpgsql as $trigger$
      begin
        update {{ raw }} as gone set _sdc_deleted_at = new._sdc_deleted_at
        where {% for key in parts %}gone.{{ adapter.quote(key) }} = new.{{ adapter.quote(key) }} and {% endfor -%}
          not (gone.{{ marker }})
          and gone._sdc_deleted_at is null
          and gone._sdc_extracted_at < new._sdc_deleted_at;
        return null;
      end
      $trigger$;
      update {{ raw }} as gone set _sdc_deleted_at = mark._sdc_deleted_at from {{ raw }} as mark
      where {% for key in parts %}gone.{{ adapter.quote(key) }} = mark.{{ adapter.quote(key) }} and {% endfor -%}
        mark.{{ marker }}
        and not (gone.{{ marker }})
        and gone._sdc_deleted_at is null
        and gone._sdc_extracted_at < mark._sdc_deleted_at;
      create or replace trigger pennylane_history_part after insert or update on {{ raw }}
      for each row when (new.{{ marker }} and new._sdc_deleted_at is not null) execute function {{ part }}();
      {% endif -%}
      {% if pennylane_history_is_of_firm(name, table['keys']) -%}
      create or replace function {{ company }}() returns trigger language plpgsql as $trigger$
      begin
        update {{ raw }} as gone set _sdc_deleted_at = new._sdc_deleted_at
        where gone.company_id = new.company_id
          and gone._sdc_deleted_at is null
          and gone._sdc_table_version < new._sdc_table_version;
        return null;
      end
      $trigger$;
      update {{ raw }} as gone set _sdc_deleted_at = mark._sdc_deleted_at from {{ raw }} as mark
      where gone.company_id = mark.company_id
        and {{ pennylane_history_is_marker('mark', table['keys']) }}
        and gone._sdc_deleted_at is null
        and gone._sdc_table_version < mark._sdc_table_version;
      create or replace trigger pennylane_history_company after insert or update on {{ raw }}
      for each row when ({{ pennylane_history_is_marker('new', table['keys']) }}) execute function {{ company }}();
      {% endif -%}
      create or replace trigger pennylane_history_added after insert on {{ raw }}
      for each row when (new._sdc_deleted_at is null) execute function {{ history }}();
      create or replace trigger pennylane_history_updated after update on {{ raw }}
      for each row when (
        (old._sdc_deleted_at is null) <> (new._sdc_deleted_at is null)
        {% if compared %}or ({{ pennylane_history_columns(compared, 'old') }})
          is distinct from ({{ pennylane_history_columns(compared, 'new') }}){% endif %}
      ) execute function {{ history }}();
      create or replace trigger pennylane_history_deleted after delete on {{ raw }}
      for each row {{ 'when (not (old.' ~ marker ~ ')) ' if marker }}execute function {{ history }}();
      create or replace trigger pennylane_history_emptied before truncate on {{ raw }}
      for each statement execute function {{ history }}();
{%- endmacro -%}

{#- The names of a table's triggers. In a table that is delivered in parts, a marker says that all older rows of its
    part are gone, and in those of an accounting firm, that all older rows of a company are: a trigger marks them, so
    that this is a change like any other. -#}
{%- macro pennylane_history_names(name, is_of_firm=true) -%}
{{ return(
    ['pennylane_history_added', 'pennylane_history_updated', 'pennylane_history_deleted', 'pennylane_history_emptied']
    + (['pennylane_history_part'] if name in pennylane_markers() else [])
    + (['pennylane_history_company'] if is_of_firm else [])
) }}
{%- endmacro -%}

{#- Whether the companies of an accounting firm share a table. -#}
{%- macro pennylane_history_is_of_firm(name, keys) -%}
{{ return('company_id' in keys and keys | length > 1) }}
{%- endmacro -%}

{#- Whether a row is a company's marker: its key, but for the company, is one that no record has. -#}
{%- macro pennylane_history_is_marker(row, keys) -%}
{%- for key, type in keys.items() if key != 'company_id' -%}
{{ row }}.{{ adapter.quote(key) }} = {{ "'0001-01-01'" if type == 'date' else "''" if type in ['text', 'character varying'] else '0' }} and {% endfor -%}
{{ row }}._sdc_deleted_at is not null
{%- endmacro -%}

{#- Whether a column differs each time it is read, although nothing has changed: links that are signed for half an
    hour, and the time when a trial balance was requested. -#}
{%- macro pennylane_history_is_volatile(name, column) -%}
{{ return(column in ['url', 'public_file_url', 'pdf_url', 'e_invoicing_source_file_url', 'asked_at']) }}
{%- endmacro -%}

{%- macro pennylane_history_columns(columns, row=none) -%}
{%- for column in columns -%}
{{ row ~ '.' if row }}{{ adapter.quote(column) }}{{ ', ' if not loop.last }}
{%- endfor -%}
{%- endmacro -%}

{#- A row as JSON, without what the target wrote into it. -#}
{%- macro pennylane_history_record(row, left_out) -%}
to_jsonb({{ row }}) - '{ {{- left_out | join(', ') -}} }'::text[]
{%- endmacro -%}

{#- The time of a row's latest change, which is since when it has been as it is. -#}
{%- macro pennylane_history_latest(history, keys, row) -%}
(
            select latest.changed_at from {{ history }} as latest
            where {% for key in keys %}latest.{{ adapter.quote(key) }} = {{ row }}.{{ adapter.quote(key) }} and {% endfor %}true
            order by {% for key in keys %}latest.{{ adapter.quote(key) }} desc, {% endfor %}latest.change_id desc
            limit 1
          )
{%- endmacro -%}
