{#- Change something that someone may be reading, without making others wait.

    A reader locks a view until the end of the transaction. A change waits for that lock, and all other readers
    wait behind the change. So it gives up after a fifth of a second, lets the others pass, and tries again; it
    never holds the relation for more than a second at a time.

    relation: the relation to change.
    trouble: the message about it if it is still in use at the last attempt.
    body: what to do, in PL/pgSQL; it must not take long.
    fatal: whether the model then fails, or only prints the message. -#}
{%- macro pennylane_in_short_waits(relation, trouble, body, fatal=true) -%}
  {%- set attempts = 10 -%}
  {%- set found = namespace(outcome='', holders=[]) -%}
  {%- for attempt in range(attempts) if found.outcome != 'done' -%}
    {%- if attempt -%}
      {%- call statement('pause') %}select pg_sleep(1){% endcall -%}
      {%- do adapter.commit() -%}
    {%- endif -%}
    {#- One string, so that it is one transaction even if the connection commits automatically. -#}
    {%- call statement('attempt', fetch_result=true) %}
      set local lock_timeout = '200ms';
      set local statement_timeout = '700ms';
      do $pennylane$
      begin
        {{ body }};
        perform set_config('pennylane.outcome', 'done', true);
      exception when lock_not_available or query_canceled or deadlock_detected then
        perform set_config('pennylane.outcome', 'in use', true);
      end
      $pennylane$;
      select current_setting('pennylane.outcome') as outcome
    {% endcall -%}
    {%- set found.outcome = load_result('attempt').table.rows[0].outcome -%}
    {%- do adapter.commit() -%}
    {%- if found.outcome != 'done' -%}
      {%- set found.holders = pennylane_holders(relation) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if found.outcome != 'done' -%}
    {%- set sentence = (relation.schema ~ '.' ~ relation.identifier ~ ' ' ~ trouble ~ ': '
        ~ (found.holders | join('; ') or 'sessions that have since ended')
        ~ ' had it in use for all of ' ~ attempts ~ ' attempts. It stays as it was; the next build tries again.') -%}
    {%- if fatal -%}
      {%- do exceptions.raise_compiler_error(sentence) -%}
    {%- endif -%}
    {%- do print(sentence) -%}
  {%- endif -%}
{%- endmacro -%}

{#- The sessions that use a relation, and since when. -#}
{%- macro pennylane_holders(relation) -%}
  {%- call statement('holders', fetch_result=true) %}
    select distinct format(
        'session %s (role %s, application %s, %s)',
        pid,
        coalesce(usename, 'unknown'),
        coalesce(nullif(application_name, ''), 'unnamed'),
        coalesce(
            'transaction open since ' || to_char(
                xact_start at time zone '{{ pennylane_setting('pennylane_time_zone') }}', 'YYYY-MM-DD HH24:MI:SS'
            ) || ' {{ pennylane_setting('pennylane_time_zone') }}',
            'only a member of pg_read_all_stats can see since when'
        )
    ) as holder
    from pg_locks
    inner join pg_stat_activity using (pid)
    where locktype = 'relation'
        and granted
        and relation = {{ pennylane_oid(relation) }}
        and database = (select oid from pg_database where datname = current_database())
        and pid <> pg_backend_pid()
  {% endcall -%}
  {%- do adapter.commit() -%}
  {{ return(load_result('holders').table.columns[0].values() | list) }}
{%- endmacro -%}
