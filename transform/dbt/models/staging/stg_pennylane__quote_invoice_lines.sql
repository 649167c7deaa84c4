{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='quote_invoice_lines') }}
{{ pennylane_live_rows(source('pennylane', 'quote_invoice_lines'), {
    'quote_id': ['bigint', 'quote_id'],
    'id': ['bigint', 'id'],
    'label': ['text', 'line_label'],
    'unit': ['text', 'unit'],
    'quantity': ['numeric', 'quantity'],
    'amount': ['numeric', 'amount'],
    'currency_amount': ['numeric', 'currency_amount'],
    'description': ['text', 'description'],
    'product_id': ['bigint', 'product_id'],
    'vat_rate': ['text', 'vat_rate'],
    'currency_amount_before_tax': ['numeric', 'currency_amount_before_tax'],
    'currency_tax': ['numeric', 'currency_tax'],
    'tax': ['numeric', 'tax'],
    'raw_currency_unit_price': ['numeric', 'raw_currency_unit_price'],
    'discount_type': ['text', 'discount_type'],
    'discount_value': ['numeric', 'discount_value'],
    'section_rank': ['bigint', 'section_rank'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
    'custom_fields': ['jsonb', 'custom_fields'],
}, parent='quote_id') }}
