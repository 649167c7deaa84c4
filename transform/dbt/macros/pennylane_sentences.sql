{#- Amounts and days in the sentences of the controls. -#}

{%- macro pennylane_amount_fr(amount) -%}
replace(to_char({{ amount }}, 'FM999999999999990.00'), '.', ',') || ' €'
{%- endmacro -%}

{%- macro pennylane_amount_en(amount) -%}
to_char({{ amount }}, 'FM999999999999990.00') || ' €'
{%- endmacro -%}

{%- macro pennylane_day_fr(day) -%}
coalesce(to_char({{ day }}, 'DD/MM/YYYY'), '?')
{%- endmacro -%}

{%- macro pennylane_day_en(day) -%}
coalesce(to_char({{ day }}, 'YYYY-MM-DD'), '?')
{%- endmacro -%}
