-- The suspense accounts 471 to 475 and the internal transfers 58 must be cleared.
{{ config(materialized='ephemeral') }}
{{ pennylane_control_balance(
    "account_number ~ '^(47[1-5]|58)' and balance <> 0",
    "Le compte d'attente %s n'est pas soldé : %s.",
    'The suspense account %s is not cleared: %s.',
) }}
