{#- Indexes on the raw tables for the most common queries: a period, and the rows of an entry, an account,
    a customer or a supplier. They contain live rows only. Nearly all rows are live, so an index on
    `_sdc_deleted_at` itself would help no query. docs/warehouse.md shows what each one saves.

    The one by account holds whatever the statements sum, so that they need not read the wide rows.

    Two more kinds keep the cost of a run independent of the size of a large table: the entries of deleted lines,
    for the entries whose lines are all gone, and the run that wrote a row, for the record of runs.

    Created once, after the first load, if the setting `pennylane_indexes` is on; checking for them never
    makes the target wait. -#}
{%- macro pennylane_raw_indexes() -%}
{%- set live, dead = 'where _sdc_deleted_at is null', 'where _sdc_deleted_at is not null' -%}
{%- set wanted = {
    'ledger_entry_lines': [
        ['date', 'live', live],
        ['ledger_entry_id', 'live', live],
        ['ledger_entry_id', 'dead', dead],
        [
            'ledger_account_number text_pattern_ops, date', 'live',
            'include (debit, credit, ledger_entry_id, ledger_account_id) ' ~ live, 'account_sums',
        ],
        ['_sdc_sync_started_at', 'written', ''],
    ],
    'ledger_entries': [['date', 'live', live], ['status', 'live', live], ['_sdc_sync_started_at', 'written', '']],
    'transactions': [['date', 'live', live], ['_sdc_sync_started_at', 'written', '']],
    'customer_invoices': [['date', 'live', live], ['customer_id', 'live', live]],
    'supplier_invoices': [['date', 'live', live], ['supplier_id', 'live', live]],
} -%}
{%- if execute and pennylane_is_on('pennylane_indexes') -%}
  {%- for table, columns in wanted.items() -%}
    {%- for relation in pennylane_raw_tables(source('pennylane', table)) -%}
      {%- set there = run_query(
          'select indexname from pg_indexes where schemaname = ' ~ pennylane_quoted(relation.schema)
          ~ ' and tablename = ' ~ pennylane_quoted(relation.identifier)
      ).columns[0].values() -%}
      {%- set present = pennylane_columns_of(relation) -%}
      {%- set orders = [] -%}
      {%- for wish in columns -%}
        {%- set column, kind, condition = wish[:3] -%}
        {%- set included = condition.partition('(')[2].partition(')')[0] -%}
        {%- set needed = (column.replace(' text_pattern_ops', '') ~ ', ' ~ included).split(', ') | select | list -%}
        {%- set index = table ~ '_' ~ (wish[3] if wish | length > 3 else column.removeprefix('_sdc_')) ~ '_' ~ kind -%}
        {%- if needed | reject('in', present) | list | length == 0 and index not in there -%}
          {%- do orders.append(
              'create index ' ~ index ~ ' on ' ~ relation ~ ' (' ~ column ~ ') ' ~ condition
          ) -%}
        {%- endif -%}
      {%- endfor -%}
      {%- if orders -%}
        {%- do pennylane_index(relation, orders) -%}
      {%- endif -%}
    {%- endfor -%}
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
