{#- Whether a line of the opening balances (à-nouveaux) repeats what the account's earlier lines say.

    line, journal: the live views' aliases. -#}
{%- macro pennylane_repeats(line, journal) -%}
{{ pennylane_carries_forward(journal) }}
            and {{ line }}.date > min({{ line }}.date) over (partition by {{ line }}.company_id, {{ line }}.account_number)
{%- endmacro -%}

{#- Whether a customer's document is an issued invoice or credit note. -#}
{%- macro pennylane_is_issued(invoice) -%}
{{ invoice }}.draft is not true
    and coalesce({{ invoice }}.status, '') not in (
        'draft', 'proforma', 'shipping_order', 'purchasing_order',
        'estimate_pending', 'estimate_accepted', 'estimate_invoiced', 'estimate_denied'
    )
{%- endmacro -%}
