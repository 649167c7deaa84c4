{#- Whether a journal is that of the à-nouveaux: what a year begins with, carried forward from the year
    before. The API publishes no list of journals' types: the code, or the name, says it. -#}
{%- macro pennylane_carries_forward(journal) -%}
coalesce(
        {{ journal }}.journal_code in ('AN', 'RAN')
        or {{ journal }}.journal_label ~* '(^|[^[:alpha:]])[aàÀ][ -]+nouveau',
        false
    )
{%- endmacro -%}
