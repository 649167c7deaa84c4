{#- A moment in UTC as a clock on the wall shows it, where the setting `pennylane_time_zone` says. -#}
{%- macro pennylane_local(moment) -%}
{{ moment }} at time zone 'utc' at time zone '{{ pennylane_setting('pennylane_time_zone') }}'
{%- endmacro -%}
