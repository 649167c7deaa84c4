{#- The live rows of a raw table, with business names for its columns.

    A stream that was never loaded has no table, and a deselected field has no column: both are empty here,
    with the right type, until the next build after they are loaded.

    raw: the source.
    columns: name in the raw table → [type, name in the view].
    parent: the key of the parent, for a child table. A parent's list is delivered completely, followed by a
        marker with id 0 and the time when that delivery began: rows that were read earlier are no longer in
        the list.
    copies: whether the table is loaded in two alternating copies: until the new one is complete and the rows
        of the old one are marked deleted, both have live rows. -#}
{%- macro pennylane_live_rows(raw, columns, parent=none, copies=false) -%}
  {%- set relation = load_relation(raw) if execute else raw -%}
  {%- set present = [] -%}
  {%- if execute and relation is not none -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
      {%- do present.append(column.name) -%}
    {%- endfor -%}
  {%- endif -%}
  {%- set metadata = {'_sdc_extracted_at': ['timestamp without time zone', '_read_at'], '_sdc_batched_at': ['timestamp without time zone', '_loaded_at']} %}
select
{%- for column, (type, name) in (columns.items() | list + metadata.items() | list) %}
    {% if column in present %}raw.{{ adapter.quote(column) }}{% else %}null{% endif -%}
    ::{{ type }} as {{ adapter.quote(name) }}{{ ',' if not loop.last }}
{%- endfor %}
{%- if relation is none %}
where false
{%- else %}
from {{ raw }} as raw
where raw._sdc_deleted_at is null
{%- if parent %}
    and not exists (
        select from {{ raw }} as marker
        where marker.{{ adapter.quote(parent) }} = raw.{{ adapter.quote(parent) }}
            and marker.id = 0
            and marker._sdc_deleted_at > raw._sdc_extracted_at
    )
{%- endif %}
{%- if copies %}
    and raw._sdc_table_version = (
        select min(whole._sdc_table_version) from {{ raw }} as whole
        where whole._sdc_deleted_at is null
    )
{%- endif %}
{%- endif %}
{%- endmacro -%}
