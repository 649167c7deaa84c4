{#- Indexes on the raw tables, for what people ask most: a period, and the rows of an entry, an account,
    a customer or a supplier. They hold live rows only: nearly all are, so that an index on
    `_sdc_deleted_at` itself would help nobody. docs/warehouse.md shows what each one saves.

    Built once, after the first load; the target never waits for a check. -#}
{%- macro raw_indexes() -%}
{%- set wanted = {
    'ledger_entry_lines': ['date', 'ledger_entry_id', 'ledger_account_number text_pattern_ops'],
    'ledger_entries': ['date'],
    'transactions': ['date'],
    'customer_invoices': ['date', 'customer_id'],
    'supplier_invoices': ['date', 'supplier_id'],
} -%}
{%- set orders = [] -%}
{%- if execute -%}
  {%- set rows = run_query(
      "select indexname from pg_indexes where schemaname = '" ~ target.schema ~ "'"
  ).columns[0].values() -%}
  {%- for table, columns in wanted.items() -%}
    {%- set relation = load_relation(source('pennylane', table)) -%}
    {%- set present = adapter.get_columns_in_relation(relation) | map(attribute='name') | list if relation else [] -%}
    {%- set before = orders | length -%}
    {%- for column in columns -%}
      {%- set name = column.split(' ')[0] -%}
      {%- set index = table ~ '_' ~ name ~ '_live' -%}
      {%- if name in present and index not in rows -%}
        {%- do orders.append(
            'create index ' ~ index ~ ' on ' ~ relation ~ ' (' ~ column ~ ') where _sdc_deleted_at is null'
        ) -%}
      {%- endif -%}
    {%- endfor -%}
    {%- if orders | length > before -%}
      {%- do orders.append('analyze ' ~ relation) -%}
    {%- endif -%}
  {%- endfor -%}
{%- endif -%}
{{ orders | join(';\n') }}
{%- endmacro -%}
