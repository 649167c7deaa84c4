{#- The record of runs is not kept for ever: `pennylane_log_days` and `pennylane_idle_log_days` say how long. A function
    deletes what is older, once a day: each build calls it, and so does each run of this repository's pipeline.
    docs/warehouse.md says what is never deleted. -#}
{%- macro pennylane_log_retention() -%}
  {%- if execute and flags.WHICH in ['build', 'run'] -%}
    {%- set found = {} -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.package_name == 'pennylane' -%}
      {%- if node.name in ['pennylane_pruned_runs', 'pennylane_counted_rows', 'pennylane_sync_runs'] -%}
        {%- do found.update({node.name: load_relation(api.Relation.create(
            database=target.database, schema=node.schema, identifier=node.alias
        ))}) -%}
      {%- endif -%}
    {%- endfor -%}
    {%- if none not in found.values() -%}
      {%- set function = adapter.quote(found['pennylane_pruned_runs'].schema) ~ '.pennylane_prune_runs()' -%}
      {%- set whole, idle = pennylane_log_days('pennylane_log_days'), pennylane_log_days('pennylane_idle_log_days') -%}
      {%- call statement('log_retention', fetch_result=true) %}
        do $retention$
        begin
          set local client_min_messages = warning;
          {%- if whole or idle %}
          {{ pennylane_without_database(pennylane_log_function(function, found), target.database) }};
          perform set_config('pennylane.complaint', coalesce({{ function }}, ''), true);
          {%- else %}
          drop function if exists {{ function }};
          perform set_config('pennylane.complaint', '', true);
          {%- endif %}
        exception
          when insufficient_privilege then  -- another role created the function
            perform set_config('pennylane.complaint', sqlerrm, true);
        end
        $retention$;
        select current_setting('pennylane.complaint') as complaint
      {%- endcall -%}
      {%- do adapter.commit() -%}
      {%- set complaint = load_result('log_retention').table.rows[0].complaint -%}
      {%- if complaint -%}
        {%- do print('Old rows of sync_log were not deleted: ' ~ complaint ~ '.') -%}
      {%- endif -%}
    {%- endif -%}
  {%- endif -%}
{%- endmacro -%}

{#- A number of days; 0 for ever. -#}
{%- macro pennylane_log_days(name) -%}
  {%- set days = pennylane_setting(name) | string | trim -%}
  {%- if not modules.re.match('^[0-9]{1,5}$', days) -%}
    {%- do exceptions.raise_compiler_error(
        name ~ " is '" ~ days ~ "'. Set it to a number of days, or to 0 to keep the whole record of runs."
    ) -%}
  {%- endif -%}
  {{ return(days | int) }}
{%- endmacro -%}

{#- SQL of the first day that is kept whole.

    name: the setting. -#}
{%- macro pennylane_log_begins(name) -%}
{%- set days = pennylane_log_days(name) -%}
{%- if days -%}
(date_trunc('day', now() at time zone 'utc') - interval '{{ days }} days')
{%- else -%}
'-infinity'::timestamp
{%- endif -%}
{%- endmacro -%}

{#- The function. It returns why it could not do its work, or null.

    What the target remembers of the table (`_sdc_deliveries`) is corrected in the same transaction, so that the rows
    do not look lost. Whoever loads or checks a table reads that first, so none of them can see half of it.

    function: its name.
    found: the tables and the view that it works with, by name. -#}
{%- macro pennylane_log_function(function, found) -%}
  {%- set pruned, counted = found['pennylane_pruned_runs'], found['pennylane_counted_rows'] -%}
  {%- set raws = pennylane_raw_tables(source('pennylane', 'sync_log')) -%}
create or replace function {{ function }} returns text
language plpgsql set lock_timeout = '5s' set jit = off as $prune$
declare
  whole constant timestamp := {{ pennylane_log_begins('pennylane_log_days') }};
  detailed constant timestamp := {{ pennylane_log_begins('pennylane_idle_log_days') }};
  own_company bigint;
  doomed tid[];
  deleted bigint;
begin
  if (select max(pruned_at) from {{ pruned }}) > now() at time zone 'utc' - interval '20 hours' then
    return null;
  end if;
  {%- for raw in raws %}
  {%- set deliveries = api.Relation.create(database=raw.database, schema=raw.schema, identifier='_sdc_deliveries') %}
  {%- set is_remembered = 'to_regclass(' ~ pennylane_quoted(deliveries | string) ~ ') is not null' %}
  {%- set present = pennylane_columns_of(raw) %}
  {%- set company = 'raw.company_id' if 'company_id' in present else 'own_company' %}
  {%- if company == 'own_company' %}
  select company_id into own_company from (select {{ pennylane_company(raw) }} 1 as one) as known;
  {%- endif %}
  if exists (select from {{ raw }} where started_at < greatest(whole, detailed)) then
    {{ pennylane_log_doomed(raw, company, present, found['pennylane_sync_runs']) }};
    if doomed is not null then
      if {{ is_remembered }} then
        lock table {{ deliveries }} in access exclusive mode;
      end if;
      {{ pennylane_log_deletion(raw, company, present, pruned) }};
      if {{ is_remembered }} then
        update {{ deliveries }} set rows = rows - deleted where table_name = 'sync_log';
      end if;
    end if;
  end if;
  {%- endfor %}
  delete from {{ counted }} as counted
  where process < extract(epoch from whole) * 1000
    and process < (select max(process) from {{ counted }})
    {%- for raw in raws %}
    and not exists (select from {{ raw }} as raw where raw._sdc_sync_started_at = counted.process)
    {%- endfor %};
  {{ pennylane_log_of_meltano() }}
  return null;
exception
  when lock_not_available or insufficient_privilege then
    return sqlerrm;
end
$prune$
{%- endmacro -%}

{#- The old rows of one table that can be deleted. Of each company and stream, the last row of each kind stays, so that
    no age changes: what succeeded, failed or was not due, in runs that failed and in others, and the last verification.
    Of each run that found nothing new, one row stays: it tells etl_logs that the run reported.

    company: SQL of the company. -#}
{%- macro pennylane_log_doomed(raw, company, present, runs) -%}
with entry as materialized (
      select
        raw.ctid as place,
        {{ company }} as company_id,
        raw.run_id,
        raw.stream,
        raw.started_at,
        {{ 'raw.verified_at' if 'verified_at' in present else 'null::timestamp' }} as verified_at,
        array[
          raw.status,
          case when raw.mode = 'not due' then 'not due' end,
          case when raw.run_id in (select run_id from {{ runs }} where status = 'failed' and run_id is not null)
            then 'unconfirmed' end
        ] as kind,
        raw.status = 'success' and coalesce(raw.records, 0) = 0 and coalesce(raw.tombstones, 0) = 0
          {{- ' and coalesce(raw.verified_records, 0) = 0' if 'verified_records' in present }} as is_idle
      from {{ raw }} as raw
    ),
    last as (
      select
        company_id, stream, kind, max(started_at) as started_at
      from entry group by company_id, stream, kind
    ),
    verification as (
      select company_id, stream, max(array[verified_at, started_at]) as moments
      from entry where verified_at is not null group by company_id, stream
    ),
    day as (
      select company_id, stream, kind, date_trunc('day', started_at) as day, max(started_at) as started_at
      from entry where is_idle and started_at < detailed group by 1, 2, 3, 4
    ),
    run as (
      select run_id, min(concat_ws(' ', company_id, stream)) as first from entry group by run_id
    )
    select array_agg(entry.place) into doomed
    from entry
    left join last using (company_id, stream, kind, started_at)
    left join verification
      on verification.company_id = entry.company_id
      and verification.stream = entry.stream
      and verification.moments = array[entry.verified_at, entry.started_at]
    left join day
      on entry.is_idle
      and day.company_id = entry.company_id
      and day.stream = entry.stream
      and day.kind = entry.kind
      and day.started_at = entry.started_at
    left join run on run.run_id = entry.run_id and run.first = concat_ws(' ', entry.company_id, entry.stream)
    where last.stream is null
      and verification.stream is null
      and (
        entry.started_at < whole
        or entry.started_at < detailed and entry.is_idle and day.stream is null and run.run_id is null
      )
{%- endmacro -%}

{#- Delete these rows, and add them to the totals. -#}
{%- macro pennylane_log_deletion(raw, company, present, pruned) -%}
  {%- set sums = ['records', 'tombstones', 'requests', 'rate_limited', 'seconds_waited'] -%}
with gone as (
      delete from {{ raw }} as raw
      where raw.ctid = any(doomed) and raw.started_at < greatest(whole, detailed)
      returning {{ company }} as company_id, raw.stream as table_name
        {%- for column in sums %}, {{ 'raw.' ~ column if column in present else '0' }} as {{ column }}{% endfor %}
    ),
    earlier as (
      delete from {{ pruned }} as pruned
      where (pruned.company_id, pruned.table_name) in (select gone.company_id, gone.table_name from gone)
      returning pruned.*
    ),
    added as (
      insert into {{ pruned }} (company_id, table_name, {{ sums | join(', ') }}, pruned_at)
      select company_id, table_name, sum({{ sums | join('), sum(') }}), now() at time zone 'utc'
      from (
        select company_id, table_name, {{ sums | join(', ') }} from gone
        union all
        select company_id, table_name, {{ sums | join(', ') }} from earlier
      ) as both_parts
      group by company_id, table_name
    )
    select count(*) into deleted from gone
{%- endmacro -%}

{#- Meltano keeps with each run the bookmarks that it ended with: megabytes, for a thousand companies. Those of old runs
    that succeeded are emptied, unless the next run failed: etl_logs compares the two, to tell what that one delivered.
    Meltano itself reads those of the last run at most. -#}
{%- macro pennylane_log_of_meltano() -%}
  {%- set runs = api.Relation.create(
      database=target.database, schema=pennylane_setting('pennylane_meltano_schema'), identifier='runs'
  ) -%}
  {%- if pennylane_has_columns(runs, ['id', 'job_name', 'state', 'ended_at', 'payload', 'payload_flags']) -%}
  begin
    update {{ runs }} as run set payload = '{}', payload_flags = 0
    from (
      select id, lead(state) over (partition by job_name order by id) as next_state
      from {{ runs }}
      where {{ pennylane_is_our_pipeline('job_name') }}
        and (state in ('RUNNING', 'FAIL') or state = 'SUCCESS' and payload_flags <> 0)
    ) as known
    where known.id = run.id and known.next_state = 'SUCCESS' and run.state = 'SUCCESS'
      and run.ended_at < greatest(whole, detailed);
  exception
    when insufficient_privilege then
      null;  -- they are someone else's
  end;
  {%- endif -%}
{%- endmacro -%}
