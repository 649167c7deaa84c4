{#- A UTC time as local time, in the time zone of the setting `pennylane_time_zone`. -#}
{%- macro pennylane_local(moment) -%}
{{ moment }} at time zone 'utc' at time zone '{{ pennylane_setting('pennylane_time_zone') }}'
{%- endmacro -%}
