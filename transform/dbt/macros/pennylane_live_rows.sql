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
        of the old one are marked deleted, both have live rows. -#}
{%- macro pennylane_live_rows(raw, columns, part=[], marker=none, lines=none, copies=false) -%}
  {%- for relation in pennylane_raw_tables(raw) %}
{{ 'union all' if not loop.first }}
{{ pennylane_live_rows_of(relation, columns, part, marker, lines, copies) }}
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
{%- macro pennylane_live_rows_of(raw, columns, part, marker, lines, copies) -%}
  {%- set present = adapter.get_columns_in_relation(raw) | map(attribute='name') | list -%}
  {%- if lines -%}
    {%- set lines = api.Relation.create(database=raw.database, schema=raw.schema, identifier=lines.identifier) -%}
  {%- endif %}
select
{{- pennylane_company(raw) }}
{%- for column, (type, name) in pennylane_live_columns(columns).items() %}
    {% if column in present %}raw.{{ adapter.quote(column) }}{% else %}null{% endif -%}
    ::{{ type }} as {{ adapter.quote(name) }}{{ ',' if not loop.last }}
{%- endfor %}
from {{ raw }} as raw
where raw._sdc_deleted_at is null
{%- if part %}
    and not exists (
        select from {{ raw }} as marker
        where {% for column in part %}marker.{{ adapter.quote(column) }} = raw.{{ adapter.quote(column) }}
            and {% endfor %}marker.{{ marker }}
            and marker._sdc_deleted_at > raw._sdc_extracted_at
    )
{%- endif %}
{%- if lines and pennylane_has_columns(lines, ['ledger_entry_id']) %}
    and {{ pennylane_has_lines(lines) }}
{%- endif %}
{%- if copies %}
    and raw._sdc_table_version = (
        select min(whole._sdc_table_version) from {{ raw }} as whole
        where whole._sdc_deleted_at is null
    )
{%- endif %}
{%- endmacro -%}

{#- Whether an entry has a live line, or never had any.

    With the indexes, each entry asks for its own lines: PostgreSQL cannot estimate how many entries have lost all
    of theirs, and a join would suffer from it (seconds, after some thousand). Without, that would read the whole
    table for each entry that lost a line; so all such entries are found first. -#}
{%- macro pennylane_has_lines(lines) -%}
{%- if pennylane_is_on('pennylane_indexes') -%}
not (
        exists (
            select from {{ lines }} as gone
            where gone.ledger_entry_id = raw.id and gone._sdc_deleted_at is not null
        )
        and not exists (
            select from {{ lines }} as line
            where line.ledger_entry_id = raw.id and line._sdc_deleted_at is null
        )
    )
{%- else -%}
raw.id not in (
        select gone.ledger_entry_id from {{ lines }} as gone
        where gone._sdc_deleted_at is not null
            and gone.ledger_entry_id is not null
            and not exists (
                select from {{ lines }} as line
                where line.ledger_entry_id = gone.ledger_entry_id and line._sdc_deleted_at is null
            )
    )
{%- endif -%}
{%- endmacro -%}

{#- Whether a raw table exists and has these columns. -#}
{%- macro pennylane_has_columns(raw, columns) -%}
  {%- set relation = load_relation(raw) if execute -%}
  {%- set present = adapter.get_columns_in_relation(relation) | map(attribute='name') | list if relation else [] -%}
  {{ return(columns | reject('in', present) | list | length == 0 and relation is not none) }}
{%- endmacro -%}
