{#- Row-level security, if the setting `pennylane_row_level_security` is on: PostgreSQL shows a reader only the rows of
    the companies that a table grants to him. docs/row-level-security.md explains it.

    The policies are on the tables below the views, and hold for whoever asks through a view, because the views'
    owner has no way around them (FORCE). They are set before any view is built, so no new table is ever open. If
    the setting is off, they are removed; the grants stay. -#}
{%- macro pennylane_row_level_security() -%}
  {%- if execute and flags.WHICH in ['build', 'run'] -%}
    {%- if pennylane_is_on('pennylane_row_level_security') -%}
      {%- do pennylane_access_prepare() -%}
      {%- for table in pennylane_tables_of_companies() -%}
        {%- set condition = pennylane_rows_shown(table) -%}
        {%- if table.condition != condition -%}
          {%- do pennylane_protect(table, condition) -%}
        {%- endif -%}
      {%- endfor -%}
    {%- else -%}
      {%- for table in pennylane_tables_of_companies() if table.condition is not none -%}
        {%- do pennylane_expose(table) -%}
      {%- endfor -%}
    {%- endif -%}
  {%- endif -%}
{%- endmacro -%}

{#- The tables below the views that people read, with the condition of their policy as it was last set: null if the
    table is not protected. Tables that begin with an underscore are the target's own. -#}
{%- macro pennylane_tables_of_companies() -%}
  {%- set raw, history = [], [] -%}
  {%- for schema in pennylane_schemas() -%}
    {%- do raw.append(pennylane_quoted(schema)) -%}
    {%- do history.append(pennylane_quoted(pennylane_history_schema(schema))) -%}
  {%- endfor -%}
  {%- set counted = graph.nodes.values() | selectattr('package_name', 'equalto', 'pennylane')
      | selectattr('name', 'equalto', 'pennylane_counted_rows') | first -%}
  {{ return(run_query("
      select
          relnamespace::regnamespace::text as schema,
          relname::text as name,
          relowner::regrole::text as owner,
          pg_get_userbyid(relowner) = current_user as is_ours,
          relnamespace::regnamespace::text in (" ~ (raw + history) | join(', ') ~ ") as is_of_books,
          exists (
              select from pg_attribute where attrelid = pg_class.oid and attname = 'company_id' and not attisdropped
          ) as has_company,
          (
              select obj_description(pg_policy.oid, 'pg_policy') from pg_policy
              where polrelid = pg_class.oid and polname = 'pennylane_companies'
                  and relrowsecurity and relforcerowsecurity
          ) as condition
      from pg_class
      where relkind in ('r', 'p') and (
          relnamespace::regnamespace::text in (" ~ (raw + history) | join(', ') ~ ")
              and not starts_with(relname, '_')
          or relnamespace::regnamespace::text = " ~ pennylane_quoted(pennylane_setting('pennylane_meltano_schema')) ~ "
              and relname in ('runs', 'state')
          or relnamespace::regnamespace::text = " ~ pennylane_quoted(counted.schema) ~ "
              and relname in (" ~ pennylane_quoted(counted.alias) ~ ", 'pennylane_portfolio_figures', 'pennylane_pruned_runs')
      )
      order by 1, 2
  ").rows) }}
{%- endmacro -%}

{#- Which rows of a table its readers see, as the condition of a policy. PostgreSQL evaluates the functions once per
    query, not once per row. -#}
{%- macro pennylane_rows_shown(table) -%}
  {%- set access = pennylane_access() -%}
  {%- set owner = '(select ' ~ access ~ '.is_owner())' -%}
  {%- set granted = ' = any ((select ' ~ access ~ '.companies())::bigint[])' -%}
  {%- if table.is_of_books and table.name == 'companies' -%}
    {{ return(owner ~ ' or id' ~ granted) }}
  {%- elif table.has_company -%}
    {{ return(owner ~ ' or company_id' ~ granted) }}
  {%- elif table.is_of_books -%}
    {{ return('(select ' ~ access ~ '.' ~ pennylane_sees(table.schema) ~ '())') }}
  {%- elif table.name in ['runs', 'state'] -%}
    {{ return(owner ~ pennylane_runs_shown('job_name' if table.name == 'runs' else 'state_id')) }}
  {%- elif pennylane_schemas() | length == 1 -%}
    {{ return('(select ' ~ access ~ '.' ~ pennylane_sees(pennylane_schemas() | first) ~ '())') }}
  {%- else -%}
    {{ return(owner) }}
  {%- endif -%}
{%- endmacro -%}

{#- Which of Meltano's runs and states the readers see besides the owner: those of a company's schema. If there are
    several, the suffix of the state ID tells which, by the setting `pennylane_state_suffixes`. A run for all companies
    of a firm belongs to none of them. -#}
{%- macro pennylane_runs_shown(column) -%}
  {%- set schemas, suffixes, found = pennylane_schemas(), {}, [''] -%}
  {%- for pair in pennylane_list('pennylane_state_suffixes') -%}
    {%- do suffixes.update({pair.split('=')[0]: pair.split('=')[1]}) -%}
  {%- endfor -%}
  {%- for schema in schemas -%}
    {%- set sees = '(select ' ~ pennylane_access() ~ '.' ~ pennylane_sees(schema) ~ '())' -%}
    {%- if schemas | length == 1 -%}
      {%- do found.append(sees) -%}
    {%- elif schema in suffixes -%}
      {%- do found.append(
          '(split_part(' ~ column ~ ", ':', 3) = " ~ pennylane_quoted(suffixes[schema]) ~ ' and ' ~ sees ~ ')'
      ) -%}
    {%- endif -%}
  {%- endfor -%}
  {{ return(found | join(' or ')) }}
{%- endmacro -%}

{#- Protect a table. Its readers wait no longer than for a changed view. -#}
{%- macro pennylane_protect(table, condition) -%}
  {%- set relation = api.Relation.create(database=target.database, schema=table.schema, identifier=table.name) -%}
  {%- if not table.is_ours -%}
    {%- do exceptions.raise_compiler_error(
        table.schema ~ '.' ~ table.name ~ ' belongs to the role ' ~ table.owner ~ ', so ' ~ target.user
        ~ ' cannot protect it with row-level security. Make ' ~ target.user ~ ' its owner, then build again.'
    ) -%}
  {%- endif -%}
  {%- do pennylane_in_short_waits(relation, 'is not protected by row-level security', "
    alter table " ~ relation ~ " enable row level security;
    alter table " ~ relation ~ " force row level security;
    drop policy if exists pennylane_companies on " ~ relation ~ ";
    create policy pennylane_companies on " ~ relation ~ " using (" ~ condition ~ ");
    comment on policy pennylane_companies on " ~ relation ~ " is " ~ pennylane_quoted(condition)) -%}
{%- endmacro -%}

{#- Remove the protection of a table. -#}
{%- macro pennylane_expose(table) -%}
  {%- set relation = api.Relation.create(database=target.database, schema=table.schema, identifier=table.name) -%}
  {%- do pennylane_in_short_waits(relation, 'is still protected by row-level security', "
    drop policy pennylane_companies on " ~ relation ~ ";
    alter table " ~ relation ~ " no force row level security;
    alter table " ~ relation ~ " disable row level security") -%}
{%- endmacro -%}
