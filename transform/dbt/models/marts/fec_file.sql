-- The file of accounting entries as the text of its fields, ready to be written to a file.
select
    company_id,
    company_name,
    {%- for column in [
        'JournalCode', 'JournalLib', 'EcritureNum', 'EcritureDate', 'CompteNum', 'CompteLib',
        'CompAuxNum', 'CompAuxLib', 'PieceRef', 'PieceDate', 'EcritureLib', 'Debit', 'Credit',
        'EcritureLet', 'DateLet', 'ValidDate', 'Montantdevise', 'Idevise'
    ] %}
    {% if 'Date' in column -%}
        coalesce(to_char("{{ column }}", 'YYYYMMDD'), '')
    {%- elif column in ['Debit', 'Credit', 'Montantdevise'] -%}
        coalesce(replace(round("{{ column }}", 2)::text, '.', ','), '')
    {%- else -%}
        coalesce(translate("{{ column }}"::text, E'\t\r\n', '   '), '')
    {%- endif %} as "{{ column }}"{{ ',' if not loop.last }}
    {%- endfor %}
from {{ ref('pennylane', 'fec') }}
