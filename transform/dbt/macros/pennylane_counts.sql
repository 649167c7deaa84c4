{#- What counts in the figures: entries of any status but those of the setting `pennylane_left_out_statuses`.
    The reconciliation counts every line, because Pennylane's trial balance does. -#}

{#- The values of a setting that is a list, or is separated by commas. -#}
{%- macro pennylane_list(name) -%}
  {%- set setting, found = pennylane_setting(name), [] -%}
  {%- for value in (setting.split(',') if setting is string else setting) if value | trim and value | trim != 'none' -%}
    {%- do found.append(value | trim) -%}
  {%- endfor -%}
  {{ return(found) }}
{%- endmacro -%}

{#- A list of SQL texts that is never empty. -#}
{%- macro pennylane_texts(values) -%}
({% for value in values %}{{ pennylane_quoted(value) }}, {% endfor %}'')
{%- endmacro -%}

{#- Whether an entry counts.

    status: SQL of its status, which may be null. -#}
{%- macro pennylane_counts(status) -%}
coalesce({{ status }}, '?') not in {{ pennylane_texts(pennylane_list('pennylane_left_out_statuses')) }}
{%- endmacro -%}

{#- Whether a line's entry is in a list of entries: PostgreSQL makes the list once, and looks each line up in it.
    A join would suffer from estimates of how many lines it keeps. -#}
{%- macro pennylane_line_is_of(line, entries) -%}
coalesce(({{ line }}.company_id, {{ line }}.ledger_entry_id) in {{ entries }}, false)
{%- endmacro -%}

{#- Whether a line's entry counts. Of a line that does, only the entry is looked up, which takes less time than entry and
    company. -#}
{%- macro pennylane_line_counts(line) -%}
{%- if pennylane_list('pennylane_left_out_statuses') -%}
{%- set left_out -%}
from {{ ref('stg_pennylane__ledger_entries') }} as left_out
        where left_out.status in {{ pennylane_texts(pennylane_list('pennylane_left_out_statuses')) }}
{%- endset -%}
coalesce(
        case
            when {{ line }}.ledger_entry_id in (select left_out.id {{ left_out }})
                then ({{ line }}.company_id, {{ line }}.ledger_entry_id) not in (select left_out.company_id, left_out.id {{ left_out }})
        end,
        true
    )
{%- else -%}
true
{%- endif -%}
{%- endmacro -%}
