-- A supplier (401) is owed money; a debit balance is a payment too much, or a credit note that was not refunded.
{{ config(materialized='ephemeral') }}
select
    company_id,
    company_name,
    'warning' as severity,
    last_date as date,
    null::text as document,
    account_number,
    balance as amount,
    format('Le compte fournisseur %s est débiteur : %s.', account_number, {{ pennylane_amount_fr('balance') }}) as sentence_fr,
    format('The supplier account %s has a debit balance: %s.', account_number, {{ pennylane_amount_en('balance') }}) as sentence_en,
    jsonb_build_object('account_number', account_number) as ids
from {{ ref('pennylane', 'pennylane_control_positions') }}
where account_number like '401%' and balance > 0
