{#- The lowest id among a line and those that are lettered with it. Two lines, an invoice and its payment, are the usual
    case, and are compared without reading the list as rows. -#}
{%- macro pennylane_lettered_as(line) -%}
{%- set ids = line ~ '.lettered_ledger_entry_lines_ids' -%}
least(
            {{ line }}.id,
            ({{ ids }} ->> 0)::bigint,
            ({{ ids }} ->> 1)::bigint,
            case when jsonb_array_length({{ ids }}) > 2 then (
                select min(other.id::bigint) from jsonb_array_elements_text({{ ids }}) as other (id)
            ) end
        )
{%- endmacro -%}
