-- A customer (411) owes money; a credit balance is a payment too much, or a credit note that was not refunded.
{{ config(materialized='ephemeral') }}
select
    company_id,
    company_name,
    'warning' as severity,
    last_date as date,
    null::text as document,
    account_number,
    balance as amount,
    format('Le compte client %s est créditeur : %s.', account_number, {{ pennylane_amount_fr('balance') }}) as sentence_fr,
    format('The customer account %s has a credit balance: %s.', account_number, {{ pennylane_amount_en('balance') }}) as sentence_en,
    jsonb_build_object('account_number', account_number) as ids
from {{ ref('pennylane', 'pennylane_control_positions') }}
where account_number like '411%' and balance < 0
