{#- The numbers that entries have in the FEC. `make fec` gives them when it writes a file, and they stay: an entry that
    comes later, even of an earlier date, gets the next free one. Nothing else writes to this table, and no build
    drops it. -#}
{%- macro pennylane_fec_numbers() -%}
  {%- set logs = target.schema if not execute else (graph.nodes.values() | selectattr('package_name', 'equalto', 'pennylane') | selectattr('name', 'equalto', 'pennylane_bookmarks') | first).schema -%}
  {{ return(api.Relation.create(database=target.database, schema=logs, identifier='fec_numbers')) }}
{%- endmacro -%}

{%- macro pennylane_fec_prepare() -%}
  {%- set numbers = pennylane_fec_numbers() -%}
  {%- if execute and load_relation(numbers) is none -%}
    create schema if not exists {{ adapter.quote(numbers.schema) }};
    create table if not exists {{ numbers }} (
        company_id bigint not null,
        fiscal_year_end date not null,
        ledger_entry_id bigint not null,
        number bigint not null,
        given_at timestamptz not null default now(),
        primary key (company_id, fiscal_year_end, ledger_entry_id),
        unique (company_id, fiscal_year_end, number)
    );
    comment on table {{ numbers }} is 'Numbers that entries have in the FEC, kept since a file was first written';
  {%- endif -%}
{%- endmacro -%}

{#- Text without the characters that would end a field or a line for one reader or another. -#}
{%- macro pennylane_fec_text(column) -%}
coalesce(regexp_replace({{ column }}, '[\u0001-\u001f\u007f-\u009f\u2028\u2029]', ' ', 'g'), '')
{%- endmacro -%}
