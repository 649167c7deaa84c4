-- The VAT of an invoice's lines is their base times their rate. The code of a rate says it: FR_200 is 20.0 %,
-- FR_15_385 15.385 %. Tax is rounded, and distributed over lines: two cents per line may differ.
{{ config(materialized='ephemeral') }}
with line as (
    select company_id, 'customer' as kind, customer_invoice_id as invoice_id, vat_rate,
        currency_amount_before_tax as base, currency_tax as tax
    from {{ ref('stg_pennylane__customer_invoice_lines') }}
    union all
    select company_id, 'supplier', supplier_invoice_id, vat_rate, currency_amount_before_tax, currency_tax
    from {{ ref('stg_pennylane__supplier_invoice_lines') }}
),

-- Materialized, so that a code is read once and not again for every line.
code as materialized (
    select
        vat_rate,
        case
            when vat_rate ~ '^[A-Z]{2}_[0-9]+$' then substring(vat_rate from '[0-9]+')::numeric / 1000
            when vat_rate ~ '^[A-Z]{2}_[0-9]+_[0-9]+$'
                then replace(substring(vat_rate from '[0-9]+_[0-9]+'), '_', '.')::numeric / 100
            when vat_rate in ('exempt', 'extracom', 'crossborder', 'intracom') then 0
        end as rate
    from (select distinct vat_rate from line) as used
),

taxed as (
    select line.company_id, line.kind, line.invoice_id, code.rate, sum(line.base) as base, sum(line.tax) as tax
    from line
    inner join code on code.vat_rate = line.vat_rate
    where abs(line.tax - line.base * code.rate) > 0.02
    group by line.company_id, line.kind, line.invoice_id, code.rate
)

select
    document.company_id,
    document.company_name,
    'error' as severity,
    document.date,
    document.invoice_number as document,
    null::text as account_number,
    taxed.tax - round(taxed.base * taxed.rate, 2) as amount,
    format(
        'Facture %s : TVA de %s pour une base de %s à %s %%.',
        document.invoice_number, {{ pennylane_amount_fr('taxed.tax') }}, {{ pennylane_amount_fr('taxed.base') }},
        replace(trim_scale(taxed.rate * 100)::text, '.', ',')
    ) as sentence_fr,
    format(
        'Invoice %s: VAT of %s on a base of %s at %s %%.',
        document.invoice_number, {{ pennylane_amount_en('taxed.tax') }}, {{ pennylane_amount_en('taxed.base') }},
        trim_scale(taxed.rate * 100)
    ) as sentence_en,
    jsonb_build_object(document.kind || '_invoice_id', document.id) as ids
from taxed
inner join {{ ref('pennylane', 'pennylane_control_documents') }} as document
    on document.company_id = taxed.company_id and document.kind = taxed.kind and document.id = taxed.invoice_id
