-- From the open invoices to the accounts 411 and 401: one row per company, side and step. The steps add up to the
-- row `ledger`; advances (4191, 4091) follow by account, outside that sum.
with posted as (
    {%- for account, side in {
        '411': 'customers', '4191': 'customers', '401': 'suppliers', '4091': 'suppliers'
    }.items() %}
    select
        company_id,
        company_name,
        '{{ side }}' as side,
        date,
        account_number,
        ledger_account_id,
        {{ (account | length > 3) | lower }} as is_advance,
        ledger_entry_id,
        {{ 'debit - credit' if side == 'customers' else 'credit - debit' }} as amount
    from {{ ref('stg_pennylane__ledger_entry_lines') }}
    where account_number like '{{ account }}%'
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

line as (
    select * from posted as line
    where not {{ pennylane_repeats('line') }}
),

invoice as (
    select
        invoice.company_id,
        invoice.company_name,
        'customers' as side,
        {{ pennylane_is_issued('invoice') }} as is_issued,
        invoice.ledger_entry_id,
        coalesce(invoice.amount, 0) as amount,
        case when invoice.paid is true then 0 else coalesce(invoice.remaining_amount_with_tax, 0) end as remaining
    from {{ ref('stg_pennylane__customer_invoices') }} as invoice
    union all
    select
        invoice.company_id,
        invoice.company_name,
        'suppliers',
        {{ pennylane_is_received('invoice') }},
        invoice.ledger_entry_id,
        coalesce(invoice.amount, 0),
        case
            when invoice.paid is true or invoice.payment_status = 'paid_offline' then 0
            else coalesce(invoice.remaining_amount_with_tax, 0)
        end
    from {{ ref('stg_pennylane__supplier_invoices') }} as invoice
),

entry as (
    select company_id, company_name, side, kind, sum(amount) as amount
    from (
        select
            line.company_id,
            line.company_name,
            line.side,
            -- An entry may record several invoices: its lines count once.
            case
                when recorded.is_issued then 'invoice'
                when not recorded.is_issued then 'draft'
                when {{ pennylane_line_is_of('line', pennylane_opening_entries()) }} then 'opening'
                when exists (
                    select from {{ ref('stg_pennylane__ledger_entry_lines') }} as paid
                    where paid.company_id = line.company_id
                        and paid.ledger_entry_id = line.ledger_entry_id
                        and paid.account_number like '5%'
                ) then 'payment'
                else 'other'
            end as kind,
            line.amount
        from line
        left join (
            select company_id, side, ledger_entry_id, bool_or(is_issued) as is_issued
            from invoice
            where ledger_entry_id is not null
            group by company_id, side, ledger_entry_id
        ) as recorded
            on recorded.company_id = line.company_id
            and recorded.side = line.side
            and recorded.ledger_entry_id = line.ledger_entry_id
        where not line.is_advance
    ) as told
    group by company_id, company_name, side, kind
),

issued as (
    select company_id, company_name, side, sum(amount) as amount, sum(amount - remaining) as paid
    from invoice
    where is_issued
    group by company_id, company_name, side
),

part as (
    {%- for side, mart in {'customers': 'invoices_receivable', 'suppliers': 'invoices_payable'}.items() %}
    select
        company_id,
        company_name,
        '{{ side }}' as side,
        case
            when remaining_amount < 0 then 'credit notes'
            when is_archived then 'archived invoices'
            else 'open invoices'
        end as step,
        remaining_amount as amount
    from {{ ref('pennylane', mart) }}
    union all
    {%- endfor %}
    -- What invoices show as paid, and the payments in the ledger: they cancel each other out. So do the amounts of
    -- invoices and their entries.
    select issued.company_id, issued.company_name, issued.side, step.name, step.amount
    from issued
    cross join lateral (values
        ('unmatched payments', issued.paid),
        ('entries unlike their invoices', -issued.amount)
    ) as step (name, amount)
    union all
    select entry.company_id, entry.company_name, entry.side, step.name, entry.amount
    from entry
    inner join (values
        ('invoice', 'entries unlike their invoices'),
        ('draft', 'drafts'),
        ('opening', 'opening balances'),
        ('payment', 'unmatched payments'),
        ('other', 'other entries')
    ) as step (kind, name) on step.kind = entry.kind
    union all
    select company_id, company_name, side, 'ledger', amount
    from entry
)

select
    part.company_id,
    part.company_name,
    part.side,
    step.place,
    part.step,
    step.label as label_fr,
    case part.side when 'customers' then '411' else '401' end as account_number,
    sum(part.amount) as amount
from part
inner join (values
    (1, 'open invoices', 'Factures ouvertes'),
    (2, 'archived invoices', 'Factures archivées non réglées'),
    (3, 'credit notes', 'Avoirs non imputés'),
    (4, 'drafts', 'Brouillons et autres documents comptabilisés'),
    (5, 'unmatched payments', 'Règlements non rapprochés d''une facture'),
    (6, 'entries unlike their invoices', 'Écarts entre factures et écritures'),
    (7, 'opening balances', 'À-nouveaux'),
    (8, 'other entries', 'Autres écritures'),
    (9, 'ledger', 'Solde du compte')
) as step (place, name, label) on step.name = part.step
group by part.company_id, part.company_name, part.side, step.place, part.step, step.label
union all
select
    line.company_id,
    line.company_name,
    line.side,
    10,
    'advances',
    coalesce(max(account.account_label), 'Avances et acomptes'),
    line.account_number,
    sum(line.amount)
from line
left join {{ ref('stg_pennylane__ledger_accounts') }} as account
    on account.company_id = line.company_id and account.id = line.ledger_account_id
where line.is_advance
group by line.company_id, line.company_name, line.side, line.account_number
