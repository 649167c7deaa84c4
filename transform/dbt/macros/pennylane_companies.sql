{#- The companies of the warehouse: one per raw schema, or all those of an accounting firm. -#}

{#- The raw schemas. The source is the first of them. -#}
{%- macro pennylane_schemas() -%}
  {%- set wanted = pennylane_setting('pennylane_schemas') or pennylane_setting('pennylane_schema') -%}
  {%- set found = [] -%}
  {%- for schema in (wanted.split(',') if wanted is string else wanted) if schema | trim not in found -%}
    {%- do found.append(schema | trim) -%}
  {%- endfor -%}
  {{ return(found) }}
{%- endmacro -%}

{#- A raw table in each schema, as relations; those that do not exist are left out. A table that is not of
    our source stands for itself.

    raw: the source. -#}
{%- macro pennylane_raw_tables(raw) -%}
  {%- set schemas = pennylane_schemas() if raw.schema in pennylane_schemas() else [raw.schema] -%}
  {%- set found = [] -%}
  {%- for schema in schemas if execute -%}
    {%- set relation = load_relation(api.Relation.create(
        database=raw.database, schema=schema, identifier=raw.identifier
    )) -%}
    {%- if relation -%}
      {%- do found.append(relation) -%}
    {%- endif -%}
  {%- endfor -%}
  {{ return(found) }}
{%- endmacro -%}

{#- Whether a raw table has the rows of an accounting firm's companies.

    raw: the table.
    present: its columns. -#}
{%- macro pennylane_is_of_firm(raw, present) -%}
  {{ return(raw.identifier == 'companies' or ('company_id' in present and raw.identifier != 'company')) }}
{%- endmacro -%}

{#- The list of the firm's companies in the schema of a raw table; an empty one if it was not loaded. -#}
{%- macro pennylane_firm_companies(raw) -%}
  {%- set companies = api.Relation.create(database=raw.database, schema=raw.schema, identifier='companies') -%}
  {%- if pennylane_has_columns(companies, ['id', 'name']) -%}
    {{ return(companies) }}
  {%- endif -%}
  {{ return('(select null::bigint as id, null::text as name where false)') }}
{%- endmacro -%}

{#- The company of a raw table, as two columns of a query. PostgreSQL asks for them once per query, unless the
    table has those of an accounting firm.

    Neither is ever null, so that views can be joined on company_id: without a row in the table `company`, the
    company has the name of its schema and the id 0, or a negative one in a further schema. -#}
{%- macro pennylane_company(raw, is_firm=false) -%}
  {%- if is_firm %}
    {{ 'raw.id' if raw.identifier == 'companies' else 'raw.company_id' }}::bigint as company_id,
    coalesce({{ 'raw' if raw.identifier == 'companies' else 'firm' }}.name, {{ pennylane_quoted(raw.schema) }})::text
        as company_name,
  {%- else -%}
  {%- set schemas = pennylane_schemas() -%}
  {%- set substitutes = {
      'company_id': '-' ~ schemas.index(raw.schema) if raw.schema in schemas[1:] else '0',
      'company_name': pennylane_quoted(raw.schema),
  } -%}
  {%- set company = api.Relation.create(database=raw.database, schema=raw.schema, identifier='company') -%}
  {%- set present = pennylane_columns_of(company) -%}
  {%- for column, type in {'company_id': 'bigint', 'company_name': 'text'}.items() %}
    {% if column in present -%}
    coalesce((
        select company.{{ column }} from {{ company }} as company
        where company._sdc_deleted_at is null
        order by company._sdc_extracted_at desc nulls last
        limit 1
    ), {{ substitutes[column] }})::{{ type }}
    {%- else -%}
    ({{ substitutes[column] }})::{{ type }}
    {%- endif %} as {{ column }},
  {%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
