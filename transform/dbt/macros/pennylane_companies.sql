{#- The companies of the warehouse: one per raw schema. -#}

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

{#- The company of a raw schema, as two columns of a query. PostgreSQL asks for them once per query.

    Neither is ever null, so that views can be joined on company_id: without a row in the table `company`, the
    company has the name of its schema and the id 0, or a negative one in a further schema. -#}
{%- macro pennylane_company(raw) -%}
  {%- set schemas = pennylane_schemas() -%}
  {%- set substitutes = {
      'company_id': '-' ~ schemas.index(raw.schema) if raw.schema in schemas[1:] else '0',
      'company_name': pennylane_quoted(raw.schema),
  } -%}
  {%- set company = api.Relation.create(database=raw.database, schema=raw.schema, identifier='company') -%}
  {%- for column, type in {'company_id': 'bigint', 'company_name': 'text'}.items() %}
    {% if pennylane_has_columns(company, [column]) -%}
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
{%- endmacro -%}
