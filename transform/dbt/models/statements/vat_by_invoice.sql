-- When the VAT of each invoice falls due: with the invoice, or for services when it is paid, by the lettering of its
-- account. An invoice that is paid in parts has a row for each; their cents add up to its tax.
{{ config(post_hook="{{ pennylane_function_between(this, pennylane_vat_by_invoice('first_day and last_day')) }}") }}
{{ pennylane_vat_by_invoice() }}
