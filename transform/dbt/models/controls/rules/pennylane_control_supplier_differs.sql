-- A supplier's account (401) holds what remains of the supplier's invoices. A payment that is matched with none differs.
{{ config(materialized='ephemeral') }}
{{ pennylane_control_invoices_differ(
    'supplier', '401',
    'Compte fournisseur %s : solde de %s, factures ouvertes de %s.',
    'Account of a supplier %s: balance of %s, open invoices of %s.',
) }}
