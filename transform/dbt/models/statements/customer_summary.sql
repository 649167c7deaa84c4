-- One row per customer, from the issued invoices and credit notes.
{{ pennylane_party_summary('customer', pennylane_is_issued('invoice')) }}
