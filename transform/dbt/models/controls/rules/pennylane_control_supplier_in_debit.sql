-- A supplier (401) is owed money; a debit balance is a payment too much, or a credit note that was not refunded.
{{ config(materialized='ephemeral') }}
{{ pennylane_control_balance(
    "account_number like '401%' and balance > 0",
    'Le compte fournisseur %s est débiteur : %s.',
    'The supplier account %s has a debit balance: %s.',
) }}
