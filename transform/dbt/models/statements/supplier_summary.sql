-- One row per supplier, from the invoices and credit notes that are no drafts.
{{ pennylane_party_summary('supplier', "coalesce(invoice.accounting_status, '') <> 'draft'") }}
