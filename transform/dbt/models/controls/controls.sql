-- What an accountant should look at: one row per finding. Each rule is a model of its own, in rules/.
{{ config(materialized='pennylane_view') }}
{%- set rules = [
    'attachment_missing', 'bank_differs', 'cash_below_zero', 'closed_year_changed', 'customer_differs',
    'customer_in_credit', 'entry_unbalanced', 'invoice_number_gap', 'invoice_number_twice',
    'invoice_without_entry', 'line_not_lettered', 'line_outside_years', 'opening_mismatch',
    'supplier_differs', 'supplier_in_debit', 'supplier_invoice_twice', 'suspense_account_open',
    'transaction_without_entry', 'vat_differs', 'vat_rate_mismatch',
] %}
{%- for rule in rules %}
select
    company_id,
    company_name,
    '{{ rule }}'::text as rule,
    severity::text as severity,
    date,
    document::text as document,
    account_number::text as account_number,
    amount,
    sentence_fr,
    sentence_en,
    ids
from {{ ref('pennylane', 'pennylane_control_' ~ rule) }}
{{ 'union all' if not loop.last }}
{%- endfor %}
