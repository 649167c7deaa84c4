{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='supplier_invoice_lines') }}
{{ pennylane_live_rows(source('pennylane', 'supplier_invoice_lines'), {
    'supplier_invoice_id': ['bigint', 'supplier_invoice_id'],
    'id': ['bigint', 'id'],
    'label': ['text', 'line_label'],
    'amount': ['numeric', 'amount'],
    'currency_amount': ['numeric', 'currency_amount'],
    'description': ['text', 'description'],
    'vat_rate': ['text', 'vat_rate'],
    'currency_amount_before_tax': ['numeric', 'currency_amount_before_tax'],
    'currency_tax': ['numeric', 'currency_tax'],
    'tax': ['numeric', 'tax'],
    'imputation_dates_start_date': ['date', 'imputation_dates_start_date'],
    'imputation_dates_end_date': ['date', 'imputation_dates_end_date'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}, parent='supplier_invoice_id') }}
