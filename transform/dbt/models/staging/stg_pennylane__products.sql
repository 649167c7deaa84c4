{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='products') }}
{{ pennylane_live_rows(source('pennylane', 'products'), {
    'id': ['bigint', 'id'],
    'label': ['text', 'product_label'],
    'description': ['text', 'description'],
    'external_reference': ['text', 'external_reference'],
    'price_before_tax': ['numeric', 'price_before_tax'],
    'vat_rate': ['text', 'vat_rate'],
    'price': ['numeric', 'price'],
    'unit': ['text', 'unit'],
    'currency': ['text', 'currency'],
    'reference': ['text', 'reference'],
    'substance': ['text', 'substance'],
    'ledger_account_id': ['bigint', 'ledger_account_id'],
    'archived_at': ['timestamp without time zone', 'archived_at'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
    'custom_fields': ['jsonb', 'custom_fields'],
}) }}
