{#- Whether a journal holds the à-nouveaux: a year's opening balances, carried forward from the year before.
    The API publishes no list of journal types, so the code or the name decides. -#}
{%- macro pennylane_carries_forward(journal) -%}
coalesce(
        {{ journal }}.journal_code in ('AN', 'RAN')
        or {{ journal }}.journal_label ~* '(^|[^[:alpha:]])[aàÀ][ -]+nouveau',
        false
    )
{%- endmacro -%}
