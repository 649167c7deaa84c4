{%- macro reader_prepare() -%}select 1{%- endmacro -%}
{%- macro reader_grant() -%}select 1{%- endmacro -%}
{%- macro raw_indexes() -%}select 1{%- endmacro -%}
