-- The file of accounting entries as the text of its fields. `make fec` writes them to a file.
select
    company_id,
    company_name,
    fiscal_year_start,
    fiscal_year_end,
    {%- for column in [
        'JournalCode', 'JournalLib', 'EcritureNum', 'EcritureDate', 'CompteNum', 'CompteLib',
        'CompAuxNum', 'CompAuxLib', 'PieceRef', 'PieceDate', 'EcritureLib', 'Debit', 'Credit',
        'EcritureLet', 'DateLet', 'ValidDate', 'Montantdevise', 'Idevise'
    ] %}
    {% if 'Date' in column -%}
        coalesce(to_char("{{ column }}", 'YYYYMMDD'), '')
    {%- elif column in ['Debit', 'Credit', 'Montantdevise'] -%}
        coalesce(replace(round("{{ column }}", 2)::text, '.', ','), '')
    {%- elif column == 'EcritureNum' -%}
        "{{ column }}"::text
    {%- else -%}
        {{ pennylane_fec_text(adapter.quote(column)) }}
    {%- endif %} as "{{ column }}",
    {%- endfor %}
    is_opening,
    ledger_entry_id,
    ledger_entry_line_id
from {{ ref('pennylane', 'fec') }}
