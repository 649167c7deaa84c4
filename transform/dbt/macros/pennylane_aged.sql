{#- How late an invoice is, with its remaining amount in the column of its age.

    An invoice without a due date is due on its own date. Today is today in France, whatever the session's time
    zone. Credit notes are apart: they make no invoice younger. Exactly one of the six columns is not 0. -#}
{%- macro pennylane_aged(invoice) -%}
{%- set remaining = invoice ~ '.remaining_amount_with_tax' -%}
{#- An invoice without any date is never due. -#}
{%- set due = 'coalesce(' ~ invoice ~ '.due_date, ' ~ invoice ~ '.date)' -%}
{%- set late = "coalesce((now() at time zone 'Europe/Paris')::date - " ~ due ~ ', 0)' -%}
    greatest({{ late }}, 0) as days_overdue,
    case
        when {{ remaining }} < 0 then 'credit note'
        when {{ late }} > 90 then '> 90'
        when {{ late }} > 60 then '61-90'
        when {{ late }} > 30 then '31-60'
        when {{ late }} > 0 then '1-30'
        else 'not due'
    end as age,
    {{ remaining }} as remaining_amount,
    {%- for name, condition in [
        ('not_due', late ~ ' <= 0'),
        ('overdue_1_30', late ~ ' between 1 and 30'),
        ('overdue_31_60', late ~ ' between 31 and 60'),
        ('overdue_61_90', late ~ ' between 61 and 90'),
        ('overdue_over_90', late ~ ' > 90'),
    ] %}
    case when {{ condition }} then greatest({{ remaining }}, 0) else 0 end as {{ name }},
    {%- endfor %}
    least({{ remaining }}, 0) as credit_notes
{%- endmacro -%}
