{#- Rules of the controls about what an account holds now. -#}

{#- Accounts whose balance should not be what it is, by a condition.

    condition: SQL on account_number and balance.
    fr, en: the sentences, with the account and the balance as %s. -#}
{%- macro pennylane_control_balance(condition, fr, en) -%}
select
    company_id,
    company_name,
    'warning' as severity,
    last_date as date,
    null::text as document,
    account_number,
    balance as amount,
    format({{ pennylane_quoted(fr) }}, account_number, {{ pennylane_amount_fr('balance') }}) as sentence_fr,
    format({{ pennylane_quoted(en) }}, account_number, {{ pennylane_amount_en('balance') }}) as sentence_en,
    jsonb_build_object('account_number', account_number) as ids
from {{ ref('pennylane', 'pennylane_control_positions') }}
where {{ condition }}
{%- endmacro -%}

{#- Accounts of customers or suppliers that do not hold what remains of their invoices. An invoice belongs to the
    account in its entry.

    kind: customer or supplier.
    prefix: the first digits of the accounts.
    fr, en: the sentences, with the account, its balance and the open invoices as %s. -#}
{%- macro pennylane_control_invoices_differ(kind, prefix, fr, en) -%}
with owed as (
    select document.company_id, line.account_number, sum(document.remaining) as remaining
    from {{ ref('pennylane', 'pennylane_control_documents') }} as document
    inner join (
        select company_id, ledger_entry_id, min(account_number) as account_number
        from {{ ref('stg_pennylane__ledger_entry_lines') }}
        where account_number like '{{ prefix }}%'
        group by company_id, ledger_entry_id
    ) as line
        on line.company_id = document.company_id and line.ledger_entry_id = document.ledger_entry_id
    where document.kind = '{{ kind }}'
    group by document.company_id, line.account_number
)

select
    position.company_id,
    position.company_name,
    'warning' as severity,
    position.last_date as date,
    null::text as document,
    position.account_number,
    position.balance - coalesce(owed.remaining, 0) as amount,
    format(
        {{ pennylane_quoted(fr) }}, position.account_number,
        {{ pennylane_amount_fr('position.balance') }}, {{ pennylane_amount_fr('coalesce(owed.remaining, 0)') }}
    ) as sentence_fr,
    format(
        {{ pennylane_quoted(en) }}, position.account_number,
        {{ pennylane_amount_en('position.balance') }}, {{ pennylane_amount_en('coalesce(owed.remaining, 0)') }}
    ) as sentence_en,
    jsonb_build_object('account_number', position.account_number) as ids
from {{ ref('pennylane', 'pennylane_control_positions') }} as position
left join owed on owed.company_id = position.company_id and owed.account_number = position.account_number
where position.account_number like '{{ prefix }}%' and position.balance <> coalesce(owed.remaining, 0)
{%- endmacro -%}
