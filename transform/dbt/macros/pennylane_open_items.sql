{#- The open items of third parties on a day, from the lettering of their accounts.

    Lines that are lettered together are settled as soon as they add up to zero; until then they are one item, with
    the amount that is left. An opening balance repeats the items of the year before, which are in the ledger
    themselves, so it is left out wherever the account has earlier lines.

    accounts: the first digits of the accounts.
    sign: 1 if they owe us, -1 if we owe them.
    party: customer or supplier.
    day: SQL; the items as of the end of this day. -#}
{%- macro pennylane_open_items(accounts, sign, party, day) -%}
{%- set late -%} coalesce({{ day }} - coalesce(entry.due_date, item.date), 0) {%- endset -%}
{%- set owed = 'item.remaining > 0' -%}
with line as (
    select
        line.company_id,
        line.company_name,
        line.id,
        line.ledger_entry_id,
        line.ledger_account_id,
        line.account_number,
        line.date,
        line.line_label,
        {{ 'line.debit - line.credit' if sign > 0 else 'line.credit - line.debit' }} as amount,
        {{ pennylane_lettered_as('line') }} as lettered_as,
        {{ pennylane_repeats('line') }} as is_repeated
    from {{ ref('stg_pennylane__ledger_entry_lines') }} as line
    where line.account_number like '{{ accounts }}%'
        and line.date <= {{ day }}
),

lettered as (
    select
        *,
        sum(amount) over (partition by company_id, account_number, lettered_as) as remaining
    from line
    where not is_repeated
),

-- The document that opened the item: its first line on the side that is left.
item as (
    select distinct on (company_id, account_number, lettered_as) *
    from lettered
    where remaining <> 0
    order by company_id, account_number, lettered_as, sign(amount) = sign(remaining) desc, date, id
),

party as (
    select company_id, ledger_account_id, min(id) as id, min({{ party }}_name) as name
    from {{ ref('stg_pennylane__' ~ party ~ 's') }}
    group by company_id, ledger_account_id
    having count(*) = 1
)

select
    item.company_id,
    item.company_name,
    item.account_number,
    coalesce(party.name, account.account_label, item.account_number) as {{ party }}_name,
    item.date,
    coalesce(entry.due_date, item.date) as due_date,
    entry.invoice_number,
    item.line_label,
    item.amount,
    item.remaining as remaining_amount,
    greatest({{ late }}, 0) as days_overdue,
    case when {{ owed }} and {{ late }} <= 0 then item.remaining else 0 end as not_due,
    case when {{ owed }} and {{ late }} between 1 and 30 then item.remaining else 0 end as overdue_1_30,
    case when {{ owed }} and {{ late }} between 31 and 60 then item.remaining else 0 end as overdue_31_60,
    case when {{ owed }} and {{ late }} between 61 and 90 then item.remaining else 0 end as overdue_61_90,
    case when {{ owed }} and {{ late }} > 90 then item.remaining else 0 end as overdue_over_90,
    case when {{ owed }} then 0 else item.remaining end as credits,
    party.id as {{ party }}_id,
    item.id as ledger_entry_line_id,
    item.ledger_entry_id
from item
left join {{ ref('stg_pennylane__ledger_entries') }} as entry
    on entry.company_id = item.company_id and entry.id = item.ledger_entry_id
left join {{ ref('stg_pennylane__ledger_accounts') }} as account
    on account.company_id = item.company_id and account.id = item.ledger_account_id
left join party
    on party.company_id = item.company_id and party.ledger_account_id = item.ledger_account_id
{%- endmacro -%}

{#- Today in France, whatever the session's time zone. -#}
{%- macro pennylane_today() -%}
(now() at time zone 'Europe/Paris')::date
{%- endmacro -%}
