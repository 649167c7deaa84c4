-- Where cash came from and went to, by month (direct method): the other lines of every entry with a line on cash
-- (51, 53, 54, and transfers on 58). Their sum is the change of those accounts. Opening balances are no flow.
with cash as (
    select distinct line.company_id, line.ledger_entry_id
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    where left(line.account_number, 2) in ('51', '53', '54', '58')
        and not {{ pennylane_line_is_of('line', pennylane_opening_entries()) }}
),

flow as (
    select
        line.company_id,
        line.company_name,
        date_trunc('month', line.date)::date as month,
        line.account_number,
        case
            when line.account_number ~ '^(2|404|405)' then 'investments'
            when line.account_number ~ '^(16|17|661)' then 'loans'
            when line.account_number ~ '^(1|45)' then 'owners'
            when line.account_number ~ '^(41|70)' then 'customers'
            when line.account_number ~ '^(645|43)' then 'social_security'
            when line.account_number ~ '^(42|64)' then 'staff'
            when line.account_number ~ '^(44|63|69)' then 'taxes'
            when line.account_number ~ '^(4[09]|60|61|62)' then 'suppliers'
            else 'others'
        end as flow,
        line.credit - line.debit as amount
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    inner join cash
        on cash.company_id = line.company_id and cash.ledger_entry_id = line.ledger_entry_id
    where left(line.account_number, 2) not in ('51', '53', '54', '58')
)

select
    flow.company_id,
    flow.company_name,
    flow.month,
    kind.position,
    kind.activity,
    flow.flow,
    kind.label_fr,
    kind.label_en,
    coalesce(sum(flow.amount) filter (where flow.amount > 0), 0) as money_in,
    coalesce(-sum(flow.amount) filter (where flow.amount < 0), 0) as money_out,
    sum(flow.amount) as amount
from flow
inner join (
    values
    (1, 'customers', 'operating', 'Clients', 'Customers'),
    (2, 'suppliers', 'operating', 'Fournisseurs et charges externes', 'Suppliers and external expenses'),
    (3, 'staff', 'operating', 'Personnel', 'Staff'),
    (4, 'social_security', 'operating', 'Organismes sociaux', 'Social security'),
    (5, 'taxes', 'operating', 'Impôts et TVA', 'Taxes and VAT'),
    (6, 'others', 'operating', 'Autres', 'Others'),
    (7, 'investments', 'investing', 'Investissements', 'Investments'),
    (8, 'loans', 'financing', 'Emprunts et intérêts', 'Loans and interest'),
    (9, 'owners', 'financing', 'Capital et associés', 'Capital and owners')
) as kind (position, flow, activity, label_fr, label_en) on kind.flow = flow.flow
group by 1, 2, 3, 4, 5, 6, 7, 8
