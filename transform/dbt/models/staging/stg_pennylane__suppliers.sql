{#- Made by scripts/generate_staging.py: change the glossary, or the tap, not this file. -#}
{{ config(alias='suppliers') }}
{{ pennylane_live_rows(source('pennylane', 'suppliers'), {
    'id': ['bigint', 'id'],
    'name': ['text', 'supplier_name'],
    'establishment_no': ['text', 'establishment_no'],
    'reg_no': ['text', 'reg_no'],
    'vat_number': ['text', 'vat_number'],
    'ledger_account_id': ['bigint', 'ledger_account_id'],
    'emails': ['jsonb', 'emails'],
    'iban': ['text', 'iban'],
    'postal_address_address': ['text', 'postal_address_address'],
    'postal_address_postal_code': ['text', 'postal_address_postal_code'],
    'postal_address_city': ['text', 'postal_address_city'],
    'postal_address_country_alpha2': ['text', 'postal_address_country_alpha2'],
    'supplier_payment_method': ['text', 'supplier_payment_method'],
    'supplier_due_date_delay': ['bigint', 'supplier_due_date_delay'],
    'supplier_due_date_rule': ['text', 'supplier_due_date_rule'],
    'external_reference': ['text', 'external_reference'],
    'created_at': ['timestamp without time zone', 'created_at'],
    'updated_at': ['timestamp without time zone', 'updated_at'],
}) }}
