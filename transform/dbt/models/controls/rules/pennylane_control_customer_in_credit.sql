-- A customer (411) owes money; a credit balance is a payment too much, or a credit note that was not refunded.
{{ config(materialized='ephemeral') }}
{{ pennylane_control_balance(
    "account_number like '411%' and balance < 0",
    'Le compte client %s est créditeur : %s.',
    'The customer account %s has a credit balance: %s.',
) }}
