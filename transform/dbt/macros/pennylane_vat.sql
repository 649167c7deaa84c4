{#- How the tax of invoices is read, by rate and by what was supplied. -#}

{#- Whether a company's VAT on services falls due when its customers pay (sur les encaissements), as SQL: by law it does,
    unless the company opted for its invoices (les débits). The setting `pennylane_vat_on_services` says encaissements or
    debits for every company, or lists the ids of those that opted for their invoices.

    company_id: SQL. -#}
{%- macro pennylane_vat_on_payment(company_id) -%}
{%- set opted = pennylane_list('pennylane_vat_on_services') -%}
{%- if opted == ['encaissements'] -%}
true
{%- elif opted in [['debits'], ['débits']] -%}
false
{%- elif modules.re.match('^[0-9]+(,[0-9]+)*$', opted | join(',')) -%}
{{ company_id }} not in ({{ opted | join(', ') }})
{%- else -%}
{%- do exceptions.raise_compiler_error(
    "pennylane_vat_on_services is '" ~ (opted | join(', ')) ~ "'. Set it to encaissements, to debits, or to the ids "
    ~ "of the companies that opted for the debits."
) -%}
{%- endif -%}
{%- endmacro -%}

{#- The percentage of a rate's code: FR_200 is 20 %, FR_15_385 is 15.385 %, FR_100_construction is 10 %. -#}
{%- macro pennylane_vat_percentage(code) -%}
case
        when {{ code }} ~ '^[A-Z]{2}_\d+(_[a-z]+)?$' then trim_scale(split_part({{ code }}, '_', 2)::numeric / 10)
        when {{ code }} ~ '^[A-Z]{2}_\d+_\d+$'
            then (split_part({{ code }}, '_', 2) || '.' || split_part({{ code }}, '_', 3))::numeric
    end
{%- endmacro -%}

{#- The rate that an amount and its tax come from, where no line says it; `mixed` if it is none of these. -#}
{%- macro pennylane_vat_rate_of(base, tax) -%}
case
        when {{ tax }} = 0 then ''
        {%- for code, rate in [
            ('FR_200', '0.2'), ('FR_100', '0.1'), ('FR_55', '0.055'), ('FR_21', '0.021'), ('FR_85', '0.085')
        ] %}
        when abs({{ tax }} - {{ base }} * {{ rate }}) <= 0.05 then '{{ code }}'
        {%- endfor %}
        else 'mixed'
    end
{%- endmacro -%}

{#- The tax of issued and received invoices by rate and by what was supplied, as the common table expressions customer_tax
    and supplier_tax. An invoice whose lines are not loaded is one row, with the rate that its amounts tell. What a line
    does not say (goods or services), the accounts of its entry do.

    between: SQL of a period, to read only what is dated in it, and what is in the expression `entry`. -#}
{%- macro pennylane_vat_lines(between=none) -%}
{%- set parties = {
    'customer': [['70'], '^70[1-7]|^708[1-4]', '^70[1237]', '^70[4568]'],
    'supplier': [['2', '60', '61', '62', '651'], '^(2[0-3]|60[124-7]|6[125])', '^(2[1-3]|60[1267])', '^(20|604|6[125])'],
} -%}
{%- for party, (classes, accounts, goods, services) in parties.items() -%}
{{ party }}_wanted as (
    select
        invoice.company_id,
        invoice.company_name,
        invoice.id,
        invoice.ledger_entry_id,
        invoice.invoice_number,
        invoice.date,
        invoice.amount,
        coalesce(invoice.tax, 0) as tax,
        case when invoice.paid then 0 else coalesce(invoice.remaining_amount_with_tax, invoice.amount) end as remaining
    from {{ ref('stg_pennylane__' ~ party ~ '_invoices') }} as invoice
    where invoice.date is not null
        and {{ pennylane_is_issued('invoice') if party == 'customer' else pennylane_is_received('invoice') }}
        {%- if between %}
        and (
            invoice.date between {{ between }}
            or coalesce((invoice.company_id, invoice.ledger_entry_id) in (select company_id, ledger_entry_id from entry), false)
        )
        {%- endif %}
),

-- Goods or services, by the accounts of the entry; neither, if there are both.
{{ party }}_supplied as (
    select
        line.company_id,
        line.ledger_entry_id,
        bool_and(line.account_number like '2%') as is_asset,
        case
            when bool_and(line.account_number ~ '{{ goods }}') then 'goods'
            when bool_and(line.account_number ~ '{{ services }}') then 'services'
        end as substance
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    where ({% for class in classes %}line.account_number like '{{ class }}%'{{ ' or ' if not loop.last }}{% endfor %})
        and line.account_number ~ '{{ accounts }}'
        {%- if between %}
        and (line.company_id, line.ledger_entry_id) in (select company_id, ledger_entry_id from {{ party }}_wanted)
        {%- endif %}
    group by line.company_id, line.ledger_entry_id
),

{{ party }}_tax as (
    select
        invoice.company_id,
        invoice.company_name,
        '{{ party }}'::text as party,
        invoice.id as invoice_id,
        invoice.ledger_entry_id,
        invoice.invoice_number,
        invoice.date,
        invoice.amount,
        invoice.remaining,
        {% if party == 'customer' -%}
        'collected'
        {%- else -%}
        case when supplied.is_asset then 'deductible_on_assets' else 'deductible' end
        {%- endif %} as kind,
        coalesce(line.vat_rate, {{ pennylane_vat_rate_of('(invoice.amount - invoice.tax)', 'invoice.tax') }}) as vat_rate,
        coalesce(line.substance, supplied.substance, 'unknown') as substance,
        sum(case when line.invoice_id is null then invoice.amount - invoice.tax else line.amount - line.tax end) as base,
        sum(case when line.invoice_id is null then invoice.tax else line.tax end) as tax
    from {{ party }}_wanted as invoice
    left join (
        select
            line.company_id,
            line.{{ party }}_invoice_id as invoice_id,
            coalesce(line.vat_rate, '') as vat_rate,
            {{ 'line.substance' if party == 'customer' else 'null::text as substance' }},
            coalesce(line.amount, 0) as amount,
            coalesce(line.tax, 0) as tax
        from {{ ref('stg_pennylane__' ~ party ~ '_invoice_lines') }} as line
    ) as line
        on line.company_id = invoice.company_id and line.invoice_id = invoice.id
    left join {{ party }}_supplied as supplied
        on supplied.company_id = invoice.company_id and supplied.ledger_entry_id = invoice.ledger_entry_id
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
){{ ',' if not loop.last }}

{% endfor -%}
{%- endmacro -%}
