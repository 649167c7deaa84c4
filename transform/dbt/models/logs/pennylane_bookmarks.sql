-- The tap's bookmark of every stream, from the state that Meltano keeps (docs/state.md).
{{ config(schema='logs') }}
with state as (
    select partial_state, completed_state
    from {{ pennylane_meltano_table('state', {
        'state_id': 'text',
        'partial_state': 'text',
        'completed_state': 'text',
        'updated_at': 'timestamp',
    }) }} as state
    where {{ pennylane_is_our_pipeline('state_id') }}
    order by updated_at desc
    limit 1
)

select
    bookmark.key as table_name,
    max((bookmark.value ->> 'read_at')::timestamptz at time zone 'utc') as read_at,
    max(left(bookmark.value ->> 'start_date', 10)::date) as start_date,
    bool_or(bookmark.value ? 'scan') as is_cut_off,
    -- The first days of the fiscal years whose trial balance is older than the lines: null if there are none.
    (array_agg(bookmark.value -> 'behind' order by part.place desc))[1] as behind
from state
cross join lateral (values (1, state.completed_state), (2, state.partial_state)) as part (place, content)
cross join lateral jsonb_each(
    nullif(part.content, '')::jsonb #> '{singer_state,bookmarks}'
) as bookmark
group by bookmark.key
