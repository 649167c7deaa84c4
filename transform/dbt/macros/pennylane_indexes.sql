{#- Indexes on the raw tables for the most common queries: a period, and the rows of an entry, an account,
    a customer or a supplier. They contain live rows only. Nearly all rows are live, so an index on
    `_sdc_deleted_at` itself would help no query. docs/warehouse.md shows what each one saves.

    Created once, after the first load, if the setting `pennylane_indexes` is on; checking for them never
    makes the target wait. -#}
{%- macro pennylane_raw_indexes() -%}
{%- set wanted = {
    'ledger_entry_lines': ['date', 'ledger_entry_id', 'ledger_account_number text_pattern_ops'],
    'ledger_entries': ['date'],
    'transactions': ['date'],
    'customer_invoices': ['date', 'customer_id'],
    'supplier_invoices': ['date', 'supplier_id'],
} -%}
{%- if execute and pennylane_is_on('pennylane_indexes') -%}
  {%- set there = run_query(
      "select indexname from pg_indexes where schemaname = '" ~ source('pennylane', 'transactions').schema ~ "'"
  ).columns[0].values() -%}
  {%- for table, columns in wanted.items() -%}
    {%- set relation = load_relation(source('pennylane', table)) -%}
    {%- set present = adapter.get_columns_in_relation(relation) | map(attribute='name') | list if relation else [] -%}
    {%- set orders = [] -%}
    {%- for column in columns -%}
      {%- set name = column.split(' ')[0] -%}
      {%- set index = table ~ '_' ~ name ~ '_live' -%}
      {%- if name in present and index not in there -%}
        {%- do orders.append(
            'create index ' ~ index ~ ' on ' ~ relation ~ ' (' ~ column ~ ') where _sdc_deleted_at is null'
        ) -%}
      {%- endif -%}
    {%- endfor -%}
    {%- if orders -%}
      {%- do pennylane_index(relation, orders) -%}
    {%- endif -%}
  {%- endfor -%}
{%- endif -%}
{%- endmacro -%}

{#- Creating an index does not block readers, but waits for anyone who writes to the table. -#}
{%- macro pennylane_index(relation, orders) -%}
  {%- call statement('index', fetch_result=true) %}
    do $pennylane$
    begin
      set local lock_timeout = '5s';
      {{ orders | join(';\n      ') }};
      analyze {{ relation }};
      perform set_config('pennylane.outcome', 'done', true);
    exception when lock_not_available then
      perform set_config('pennylane.outcome', 'in use', true);
    end
    $pennylane$;
    select current_setting('pennylane.outcome') as outcome
  {% endcall -%}
  {%- do adapter.commit() -%}
  {%- if load_result('index').table.rows[0].outcome != 'done' -%}
    {%- do print(
        relation.schema ~ '.' ~ relation.identifier ~ ' got no indexes, because it is in use: '
        ~ (pennylane_holders(relation) | join('; ')) ~ '. The next build tries again.'
    ) -%}
  {%- endif -%}
{%- endmacro -%}
