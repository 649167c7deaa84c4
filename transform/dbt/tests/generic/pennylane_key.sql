{#- The key of a view: never empty, never twice. -#}
{%- test pennylane_key(model, columns) -%}
-- depends_on: {{ ref('pennylane', 'sync_metadata') }} (a failure keeps no view from being built)
select {{ columns | join(', ') }}, count(*) as rows
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1 {% for column in columns %}or {{ column }} is null {% endfor %}
{%- endtest -%}
