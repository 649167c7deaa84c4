-- The tap's bookmark of every stream and company, from the states that Meltano keeps (docs/state.md).
{{ config(schema='logs') }}
with state as (
    -- The end of a state ID names the company, if each has a token of its own.
    select distinct on (split_part(state_id, ':', 3)) partial_state, completed_state, updated_at
    from {{ pennylane_meltano_table('state', {
        'state_id': 'text',
        'partial_state': 'text',
        'completed_state': 'text',
        'updated_at': 'timestamp',
    }) }} as state
    where {{ pennylane_is_our_pipeline('state_id') }}
    order by split_part(state_id, ':', 3), updated_at desc
),

-- With a firm's token, a stream has one bookmark per company.
bookmark as (
    select
        stream.key as table_name,
        coalesce(part.value #>> '{context,company_id}', part.value ->> 'company')::bigint as company_id,
        part.value,
        content.place,
        state.updated_at
    from state
    cross join lateral (values (1, state.completed_state), (2, state.partial_state)) as content (place, state)
    cross join lateral jsonb_each(nullif(content.state, '')::jsonb #> '{singer_state,bookmarks}') as stream
    cross join lateral jsonb_array_elements(
        case
            when stream.value ? 'partitions' then stream.value -> 'partitions'
            else jsonb_build_array(stream.value)
        end
    ) as part
),

by_state as (
    select
        table_name,
        company_id,
        updated_at,
        max((value ->> 'read_at')::timestamptz at time zone 'utc') as read_at,
        max(left(value ->> 'start_date', 10)::date) as start_date,
        bool_or(value ? 'scan') as is_cut_off,
        -- The first days of the fiscal years whose trial balance is older than the lines: null if there are none.
        (array_agg(value -> 'behind' order by place desc))[1] as behind
    from bookmark
    group by table_name, company_id, updated_at
)

select distinct on (table_name, company_id)
    table_name,
    read_at,
    start_date,
    is_cut_off,
    behind,
    company_id
from by_state
order by table_name, company_id, updated_at desc
