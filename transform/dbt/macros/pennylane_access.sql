{#- Who may see which company: a table of grants that readers can neither read nor write, and the functions that the
    policies of row-level security call. They run with their owner's rights, so who asks is `session_user`: a
    function or SET ROLE changes `current_user` only. -#}

{%- macro pennylane_access() -%}{{ return(adapter.quote(target.schema ~ '_access')) }}{%- endmacro -%}

{#- The function that says whether the company of a raw schema, or of its history, may be seen. -#}
{%- macro pennylane_sees(schema) -%}
  {%- set raw = schema if schema in pennylane_schemas() else schema.removesuffix('_history') -%}
  {{ return(adapter.quote('sees_' ~ raw)) }}
{%- endmacro -%}

{#- Create what is missing, and bring the functions up to date. -#}
{%- macro pennylane_access_prepare() -%}
  {%- set access = pennylane_access() -%}
  {%- set app = pennylane_setting('pennylane_sign_in_role') -%}
  {%- do pennylane_access_check(app) -%}
  {%- call statement('access') %}
    set local client_min_messages = warning;
    create schema if not exists {{ access }};
    comment on schema {{ access }} is 'Who may see which company';
    create table if not exists {{ access }}.grants (
        reader text not null, company_id bigint not null, primary key (reader, company_id)
    );
    comment on table {{ access }}.grants is
        'Which company a reader sees: the role that he logs in as, or the e-mail address that he signs in with';

    create or replace function {{ access }}.is_owner() returns boolean
    language plpgsql stable parallel safe security definer set search_path = pg_catalog, pg_temp as $function$
    begin
        return pg_has_role(session_user, current_user, 'member');
    end
    $function$;

    -- A session that names a person without being the sign-in's sees nothing.
    create or replace function {{ access }}.companies() returns bigint[]
    language plpgsql stable parallel safe security definer set search_path = pg_catalog, pg_temp as $function$
    declare
        person constant text := coalesce(current_setting('pennylane.user', true), '');
        is_app constant boolean := session_user = {{ pennylane_quoted(app) }};
    begin
        if is_app and person <> '' then
            return array(select company_id from {{ access }}.grants where lower(reader) = lower(person));
        elsif not is_app and person = '' then
            return array(select company_id from {{ access }}.grants where reader = session_user);
        end if;
        return '{}';
    end
    $function$;
    grant execute on function {{ access }}.is_owner(), {{ access }}.companies() to public;
    {%- for schema in pennylane_schemas() %}
    {%- set company = api.Relation.create(database=target.database, schema=schema, identifier='company') %}
    create or replace function {{ access }}.{{ pennylane_sees(schema) }}() returns boolean
    language plpgsql stable parallel safe security definer set search_path = pg_catalog, pg_temp as $function$
    begin
        return {{ access }}.is_owner() or coalesce((
            {%- if pennylane_has_columns(company, ['company_id']) %}
            select company.company_id from {{ company }} as company
            where company._sdc_deleted_at is null
            order by company._sdc_extracted_at desc nulls last
            limit 1
            {%- else %}
            {{ '-' ~ loop.index0 if loop.index0 else '0' }}
            {%- endif %}
        ) = any ({{ access }}.companies()), false);
    end
    $function$;
    grant execute on function {{ access }}.{{ pennylane_sees(schema) }}() to public;
    {%- endfor %}
  {% endcall -%}
  {%- do adapter.commit() -%}
{%- endmacro -%}

{#- Stop if PostgreSQL would show every row in spite of the policies. -#}
{%- macro pennylane_access_check(app) -%}
  {%- set found = run_query("
      select
          (select rolsuper or rolbypassrls from pg_roles where rolname = current_user) as is_exempt,
          (
              select pg_has_role(oid, current_user, 'member') from pg_roles
              where rolname = " ~ pennylane_quoted(app) ~ "
          ) as is_owner
  ").rows[0] -%}
  {%- if found.is_exempt -%}
    {%- do exceptions.raise_compiler_error(
        'Row-level security is on, but the role ' ~ target.user ~ ', which would own the views, is exempt from it as a'
        ~ ' superuser or by BYPASSRLS, so every reader would see every company. Load and build as a role without these'
        ~ ' attributes, or turn DBT_PENNYLANE_ROW_LEVEL_SECURITY off.'
    ) -%}
  {%- elif found.is_owner -%}
    {%- do exceptions.raise_compiler_error(
        'The sign-in role ' ~ app ~ ' is a member of ' ~ target.user ~ ', so whoever signs in would see every company.'
        ~ ' Name a role in DBT_PENNYLANE_SIGN_IN_ROLE that can only read the views.'
    ) -%}
  {%- endif -%}
{%- endmacro -%}
