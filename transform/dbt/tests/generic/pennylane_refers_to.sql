{#- A reference names a row of another view.

    Collections are read one after another, while people work: a record may name another that was made
    after that one's collection was read. Only what was read before the last success of that
    collection began must find it there. -#}
{%- test pennylane_refers_to(model, column_name, table) -%}
-- depends_on: {{ ref('pennylane', 'sync_metadata') }} (so that a failure prevents no view from being built)
select referring.company_id, referring.{{ column_name }}, count(*) as rows
from {{ model }} as referring
where referring.{{ column_name }} is not null
    and not exists (
        select from {{ ref('stg_pennylane__' ~ table) }} as referred
        where referred.company_id = referring.company_id and referred.id = referring.{{ column_name }}
    )
    and referring._read_at < (
        select max(log.started_at) from {{ ref('stg_pennylane__sync_log') }} as log
        where log.company_id = referring.company_id and log.stream = '{{ table }}' and log.status = 'success' and log.mode not in ('not due', 'derived')
    )
group by referring.company_id, referring.{{ column_name }}
{%- endtest -%}
