{#- The live rows of a raw table in all raw schemas, with their company and business names for the columns.

    A stream that was never loaded has no table, and a deselected field has no column: both are empty here,
    with the right type, until the next build after they are loaded.

    raw: the source.
    columns: name in the raw table → [type, name in the view].
    part: the columns that say which part of the table a row belongs to, if the tap reads the parts one by one:
        the key of the parent, for a child table. A part is delivered completely, followed by a marker with the
        time when that delivery began: rows that were read earlier are no longer in the part.
    marker: what tells a marker from other rows.
    lines: the source of the lines, for a table of entries. A deleted line is the only sign that its entry is
        gone, so an entry that had lines and has no live one is left out. One that never had any stays.
    copies: whether the table is loaded in two alternating copies: until the new one is complete and the rows
        of the old one are marked deleted, both have live rows.
    whole: what tells the marker of a company from other rows, in the tables of an accounting firm. A company
        that was read completely is followed by a marker: its rows with an older version are gone. -#}
{%- macro pennylane_live_rows(raw, columns, part=[], marker=none, lines=none, copies=false, whole=none) -%}
  {%- for relation in pennylane_raw_tables(raw) %}
{{ 'union all' if not loop.first }}
{{ pennylane_live_rows_of(relation, columns, part, marker, lines, copies, whole) }}
  {%- else %}
select
    null::bigint as company_id,
    null::text as company_name,
{%- for type, name in pennylane_live_columns(columns).values() %}
    null::{{ type }} as {{ adapter.quote(name) }}{{ ',' if not loop.last }}
{%- endfor %}
where false
  {%- endfor %}
{%- endmacro -%}

{#- The columns of a live view after those of the company. -#}
{%- macro pennylane_live_columns(columns) -%}
  {%- set found = {} -%}
  {%- for column, (type, name) in columns.items() if name not in ['company_id', 'company_name'] -%}
    {%- do found.update({column: [type, name]}) -%}
  {%- endfor -%}
  {%- do found.update({
      '_sdc_extracted_at': ['timestamp without time zone', '_read_at'],
      '_sdc_batched_at': ['timestamp without time zone', '_loaded_at'],
  }) -%}
  {{ return(found) }}
{%- endmacro -%}

{#- The live rows of one raw table. -#}
{%- macro pennylane_live_rows_of(raw, columns, part, marker, lines, copies, whole) -%}
  {%- set present = pennylane_columns_of(raw) -%}
  {%- set is_firm = pennylane_is_of_firm(raw, present) -%}
  {%- if is_firm -%}
    {%- set part = ['company_id'] + part if part else part -%}
  {%- endif -%}
  {%- if lines -%}
    {%- set lines = api.Relation.create(database=raw.database, schema=raw.schema, identifier=lines.identifier) -%}
  {%- endif %}
select
{{- pennylane_company(raw, is_firm) }}
{%- for column, (type, name) in pennylane_live_columns(columns).items() %}
    {% if column in present %}raw.{{ adapter.quote(column) }}{% else %}null{% endif -%}
    ::{{ type }} as {{ adapter.quote(name) }}{{ ',' if not loop.last }}
{%- endfor %}
from {{ raw }} as raw
{%- if is_firm and raw.identifier != 'companies' %}
left join {{ pennylane_firm_companies(raw) }} as firm on firm.id = raw.company_id
{%- endif %}
where raw._sdc_deleted_at is null
{%- if is_firm and whole %}
    and {{ pennylane_is_delivered(raw, 'raw', whole) }}
{%- endif %}
{%- if is_firm %}
    and {{ pennylane_is_wanted('raw.id' if raw.identifier == 'companies' else 'raw.company_id') }}
{%- endif %}
{%- if part %}
    and not exists (
        select from {{ raw }} as marker
        where {% for column in part %}marker.{{ adapter.quote(column) }} = raw.{{ adapter.quote(column) }}
            and {% endfor %}marker.{{ marker }}
            and marker._sdc_deleted_at > raw._sdc_extracted_at
    )
{%- endif %}
{%- if lines and pennylane_has_columns(lines, ['ledger_entry_id']) %}
    and {{ pennylane_has_lines(lines, is_firm) }}
{%- endif %}
{%- if copies %}
    and raw._sdc_table_version = (
        select min(copy._sdc_table_version) from {{ raw }} as copy
        where copy._sdc_deleted_at is null
        {%- if is_firm %}
            and copy.company_id = raw.company_id
            {{ 'and ' ~ pennylane_is_delivered(raw, 'copy', whole) if whole }}
        {%- endif %}
    )
{%- endif %}
{%- endmacro -%}

{#- Whether a firm's company is the one that the session has chosen, `SET pennylane.company = 101`; without that, every one
    is. The marts read all companies before they leave out others, and a firm may have a thousand. As a case, because
    PostgreSQL would expect the plain condition to leave few rows, and choose a plan for these. -#}
{%- macro pennylane_is_wanted(company_id) -%}
case
        when (select coalesce(current_setting('pennylane.company', true), '')) = '' then true
        else {{ company_id }} = (select nullif(current_setting('pennylane.company', true), '')::bigint)
    end
{%- endmacro -%}

{#- Whether a row of a firm's table is of the latest complete delivery of its company, or newer. Looking for a marker
    that is newer than the row, rather than for each company's newest one, lets PostgreSQL use the key of the table: it
    would compute the newest ones again and again.

    row: the row.
    whole: what tells the marker from other rows. -#}
{%- macro pennylane_is_delivered(raw, row, whole) -%}
not exists (
        select from {{ raw }} as whole
        where whole.company_id = {{ row }}.company_id
            and whole.{{ whole }}
            and whole._sdc_deleted_at is not null
            and whole._sdc_table_version > {{ row }}._sdc_table_version
    )
{%- endmacro -%}

{#- Whether an entry has a live line, or never had any.

    With the indexes, each entry asks for its own lines: PostgreSQL cannot estimate how many entries have lost all
    of theirs, and a join would suffer from it (seconds, after some thousand). Without, that would read the whole
    table for each entry that lost a line; so all such entries are found first. -#}
{%- macro pennylane_has_lines(lines, is_firm) -%}
{%- set same_company = 'gone.company_id = raw.company_id and ' if is_firm else '' -%}
{%- if pennylane_is_on('pennylane_indexes') -%}
not (
        exists (
            select from {{ lines }} as gone
            where {{ same_company }}gone.ledger_entry_id = raw.id and gone._sdc_deleted_at is not null
        )
        and not exists (
            select from {{ lines }} as line
            where {{ same_company | replace('gone', 'line') }}line.ledger_entry_id = raw.id
                and line._sdc_deleted_at is null
        )
    )
{%- else -%}
{{ '(raw.company_id, raw.id)' if is_firm else 'raw.id' }} not in (
        select {{ 'gone.company_id, ' if is_firm }}gone.ledger_entry_id from {{ lines }} as gone
        where gone._sdc_deleted_at is not null
            and gone.ledger_entry_id is not null
            and not exists (
                select from {{ lines }} as line
                where {{ 'line.company_id = gone.company_id and ' if is_firm }}line.ledger_entry_id = gone.ledger_entry_id
                    and line._sdc_deleted_at is null
            )
    )
{%- endif -%}
{%- endmacro -%}

{#- Whether a raw table exists and has these columns. -#}
{%- macro pennylane_has_columns(raw, columns) -%}
  {{ return(columns | reject('in', pennylane_columns_of(raw)) | list | length == 0) }}
{%- endmacro -%}

{#- The names of a table's columns, those that the role may read; none if the table does not exist. dbt's own macro takes
    several times as long, and a build asks hundreds of times. -#}
{%- macro pennylane_columns_of(table) -%}
  {{ return(run_query("
      select attname
      from pg_attribute
      inner join pg_class on pg_class.oid = attrelid
      inner join pg_namespace on pg_namespace.oid = relnamespace
      where nspname = " ~ pennylane_quoted(table.schema) ~ " and relname = " ~ pennylane_quoted(table.identifier) ~ "
          and attnum > 0 and not attisdropped
          and has_column_privilege(attrelid, attnum, 'select') and has_schema_privilege(pg_namespace.oid, 'usage')
  ").columns[0].values() | list if execute else []) }}
{%- endmacro -%}
