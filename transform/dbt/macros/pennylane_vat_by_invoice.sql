{#- When the VAT of each invoice falls due. With a period, what falls due in it, without looking at everything else.

    between: SQL of the first and the last day, `… and …`. -#}
{%- macro pennylane_vat_by_invoice(between=none) -%}
{%- set third_party -%}
(line.account_number like '401%' or line.account_number like '404%' or line.account_number like '411%')
        and line.lettered_ledger_entry_lines_ids <> '[]'
{%- endset -%}
with
{% if between %}
-- The lines of the period that are lettered, what they are lettered with, and all that settles the same documents.
near as (
    select line.company_id, line.id, line.lettered_ledger_entry_lines_ids as ids
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    where line.date between {{ between }} and {{ third_party }}
),

entry as (
    select distinct line.company_id, line.ledger_entry_id
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    where (line.company_id, line.id) in (
        select near.company_id, near.id from near
        union all
        select near.company_id, other.id::bigint
        from near cross join lateral jsonb_array_elements_text(near.ids) as other (id)
    )
),

whole as (
    select line.company_id, line.id, line.lettered_ledger_entry_lines_ids as ids
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    where (line.company_id, line.ledger_entry_id) in (select company_id, ledger_entry_id from entry)
        and {{ third_party }}
),

{% endif %}
{{ pennylane_vat_lines(between) }},

line as (
    select * from customer_tax
    union all
    select * from supplier_tax
),

-- Lines of an account that are lettered together. Those of one side settle those of the other in the order of their days:
-- each takes a stretch of the sum of its side, up to `until`.
lettered as (
    select
        line.company_id,
        line.account_number,
        case
            when jsonb_array_length(line.lettered_ledger_entry_lines_ids) <= 3 then least(
                line.id,
                {%- for place in range(3) %}
                (line.lettered_ledger_entry_lines_ids ->> {{ place }})::bigint{{ ',' if not loop.last }}
                {%- endfor %}
            )
            else least(line.id, (
                select min(other.id::bigint)
                from jsonb_array_elements_text(line.lettered_ledger_entry_lines_ids) as other (id)
            ))
        end as lettered_as,
        line.id,
        line.ledger_entry_id,
        line.date,
        line.debit - line.credit as amount
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    where {{ third_party }}
        and line.debit <> line.credit
        and {{ pennylane_line_counts('line') }}
        {%- if between %}
        and (line.company_id, line.id) in (
            select whole.company_id, whole.id from whole
            union all
            select whole.company_id, other.id::bigint
            from whole cross join lateral jsonb_array_elements_text(whole.ids) as other (id)
        )
        {%- endif %}
),

stretch as (
    select
        company_id,
        account_number,
        lettered_as,
        ledger_entry_id,
        date,
        amount > 0 as is_debit,
        sum(abs(amount)) over (
            partition by company_id, account_number, lettered_as, amount > 0 order by date, id
        ) as until
    from lettered
),

-- Both sides on one scale: between two ends of stretches, one line of each side settles the other. Going backwards, it is
-- the smallest end so far. A join of the lines would depend on PostgreSQL's estimate of their number.
settled as (
    select
        company_id,
        until - lead(until, 1, 0::numeric) over later as amount,
        min(array[until, ledger_entry_id, date - date '1970-01-01']) filter (where is_debit) over later as debit,
        min(array[until, ledger_entry_id, date - date '1970-01-01']) filter (where not is_debit) over later as credit
    from stretch
    window later as (
        partition by company_id, account_number, lettered_as order by until desc, is_debit desc
        rows between unbounded preceding and current row
    )
),

-- The same for each of the two lines.
settlement as (
    select
        settled.company_id,
        line.owed[2]::bigint as ledger_entry_id,
        line.settling[2]::bigint as settling_entry_id,
        date '1970-01-01' + line.owed[3]::integer as date,
        date '1970-01-01' + line.settling[3]::integer as settling_date,
        settled.amount * line.direction as amount
    from settled
    cross join lateral (
        values (settled.debit, settled.credit, 1), (settled.credit, settled.debit, -1)
    ) as line (owed, settling, direction)
    where settled.amount > 0 and settled.debit is not null and settled.credit is not null
),

credit_note as (
    select company_id, ledger_entry_id from {{ ref('stg_pennylane__customer_invoices') }} where amount < 0
    union all
    select company_id, ledger_entry_id from {{ ref('stg_pennylane__supplier_invoices') }} where amount < 0
),

-- Bills (403, 413), doubtful customers (416) and losses (654) take a line off its account without any payment.
unpaid as (
    select other.company_id, other.ledger_entry_id
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as other
    where (
            other.account_number like '403%' or other.account_number like '413%' or other.account_number like '416%'
            or other.account_number like '654%' or other.account_number like '6714%'
        )
        and not exists (
            select from {{ ref('stg_pennylane__ledger_entry_lines') }} as money
            where money.company_id = other.company_id
                and money.ledger_entry_id = other.ledger_entry_id
                and money.account_number like '5%'
        )
),

-- A payment counts on its day, a credit note on the day of the later document.
told as (
    select
        company_id,
        ledger_entry_id,
        amount,
        (company_id, settling_entry_id) in (select company_id, ledger_entry_id from unpaid) as is_unpaid,
        case
            when (company_id, settling_entry_id) in (select company_id, ledger_entry_id from credit_note)
                or (company_id, ledger_entry_id) in (select company_id, ledger_entry_id from credit_note)
                then greatest(settling_date, date)
            else settling_date
        end as day
    from settlement
),

event as (
    select
        company_id,
        ledger_entry_id,
        case when is_unpaid then 'not_paid' else 'paid' end as state,
        case when not coalesce(is_unpaid, false) then day end as due_on,
        sum(amount) as amount
    from told
    group by 1, 2, 3, 4
),

-- How much of an entry is settled after each event.
progress as (
    select
        company_id,
        ledger_entry_id,
        array_agg(state order by due_on, state) as states,
        array_agg(due_on order by due_on, state) as days,
        array_agg(so_far order by due_on, state) as sums
    from (
        select
            *,
            sum(amount) over (partition by company_id, ledger_entry_id order by due_on, state) as so_far
        from event
    ) as event
    group by company_id, ledger_entry_id
),

-- A supplier may have opted for its invoices: the API does not say.
part as (
    select
        line.*,
        line.substance = 'services'
            and line.amount <> 0
            and (line.party = 'supplier' or {{ pennylane_vat_on_payment('line.company_id') }}) as is_awaited,
        abs(line.amount) as whole,
        least(sign(line.amount) * (line.amount - line.remaining), abs(line.amount)) as paid,
        sign(line.amount) * case line.party when 'customer' then 1 else -1 end as direction,
        coalesce(cardinality(progress.sums), 0) as events,
        progress.states,
        progress.days,
        progress.sums
    from line
    left join progress
        on progress.company_id = line.company_id and progress.ledger_entry_id = line.ledger_entry_id
),

-- After the events: what Pennylane says is paid but is not lettered, so its day is unknown; and what is open.
step as (
    select
        part.*,
        case
            when not part.is_awaited then 'invoiced'
            when place.place <= part.events then part.states[place.place]
            when place.place = part.events + 1 then 'paid_undated'
            else 'open'
        end as state,
        case when part.is_awaited then part.days[place.place] else part.date end as due_on,
        {%- for name, place in {'until': 'place.place', 'since': 'place.place - 1'}.items() %}
        case
            when not part.is_awaited then {{ 'part.whole' if name == 'until' else '0' }}
            when {{ place }} = 0 then 0
            when {{ place }} > part.events + 1 then part.whole
            else greatest(
                least(part.direction * coalesce(part.sums[least({{ place }}, part.events)], 0), part.whole),
                case when {{ place }} > part.events then part.paid end,
                0
            )
        end as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from part
    cross join lateral generate_series(1, case when part.is_awaited then part.events + 2 else 1 end) as place (place)
)

select
    company_id,
    company_name,
    date,
    kind,
    invoice_number,
    vat_rate,
    {{ pennylane_vat_percentage('vat_rate') }} as percentage,
    substance,
    state,
    due_on,
    case when is_awaited then round(base * until / whole, 2) - round(base * since / whole, 2) else base end as base,
    case when is_awaited then round(tax * until / whole, 2) - round(tax * since / whole, 2) else tax end as tax,
    case when party = 'customer' then invoice_id end as customer_invoice_id,
    case when party = 'supplier' then invoice_id end as supplier_invoice_id,
    ledger_entry_id
from step
where (until <> since or not is_awaited)
    {{ 'and due_on between ' ~ between if between }}
{%- endmacro -%}
