-- The figures of every company as the last build, or the step after the last run that loaded something, found them:
-- reading the books of a thousand companies takes longer than a page may. As JSON, so that a later version can have
-- other figures.
{{ config(
    schema='logs',
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    pre_hook="{% if load_relation(this) %}delete from {{ this }}{% else %}select 1{% endif %}",
    post_hook=after_commit('{{ pennylane_row_level_security() }}'),
) }}
select company_id, to_jsonb(found) - 'company_id' as figures, now() as figures_at
from {{ ref('pennylane_portfolio_now') }} as found
