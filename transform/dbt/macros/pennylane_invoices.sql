{#- Which documents are invoices, and which of them are open. -#}

{#- Whether a row of customer_invoices is an issued invoice or credit note: the list may contain other documents,
    too. Archived ones are: Pennylane archives old invoices whether or not they were paid. -#}
{%- macro pennylane_is_issued(invoice) -%}
({{ invoice }}.draft is not true
        and coalesce({{ invoice }}.status, '') not in (
            'draft', 'proforma', 'shipping_order', 'purchasing_order',
            'estimate_pending', 'estimate_accepted', 'estimate_invoiced', 'estimate_denied'
        ))
{%- endmacro -%}

{#- Whether a row of supplier_invoices is an invoice or credit note that was sent to the accountant. -#}
{%- macro pennylane_is_received(invoice) -%}
(coalesce({{ invoice }}.accounting_status, '') <> 'draft')
{%- endmacro -%}

{#- The name in an invoice's label, `Facture <name> - <number>`. -#}
{%- macro pennylane_name_in_label(label) -%}
nullif(regexp_replace(
        regexp_replace({{ label }}, '^(Facture|Avoir)( d''acompte)? ', ''), ' - \S+( \(.*\))?$', ''
    ), '')
{%- endmacro -%}
