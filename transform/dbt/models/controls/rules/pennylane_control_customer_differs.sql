-- A customer's account (411) holds what remains of the customer's invoices. A payment that is matched with none differs.
{{ config(materialized='ephemeral') }}
{{ pennylane_control_invoices_differ(
    'customer', '411',
    'Compte client %s : solde de %s, factures ouvertes de %s.',
    'Account of a customer %s: balance of %s, open invoices of %s.',
) }}
