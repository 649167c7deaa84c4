{#- The soldes intermédiaires de gestion, from the lines of the income statement.

    income: the income statement.
    period: the columns that say which period a row is about. -#}
{%- macro pennylane_intermediate_balances(income, period) -%}
{%- set steps = [
    'commercial_margin', 'production', 'value_added', 'gross_operating_surplus', 'operating_result', 'current_result',
    'exceptional_result', 'net_result',
] -%}
{%- set balances = [
    ('commercial_margin', steps[:1], 'Marge commerciale', 'Commercial margin'),
    ('production', steps[1:2], "Production de l'exercice", 'Production of the period'),
    ('value_added', steps[:3], 'Valeur ajoutée', 'Value added'),
    ('gross_operating_surplus', steps[:4], "Excédent brut d'exploitation", 'Gross operating surplus (EBITDA)'),
    ('operating_result', steps[:5], "Résultat d'exploitation", 'Operating result'),
    ('current_result', steps[:6], 'Résultat courant avant impôts', 'Result on ordinary activities before tax'),
    ('exceptional_result', steps[6:7], 'Résultat exceptionnel', 'Exceptional result'),
    ('net_result', steps, "Résultat net de l'exercice", 'Net result'),
    ('self_financing', [], "Capacité d'autofinancement", 'Self-financing capacity'),
] -%}
select
    income.company_id,
    income.company_name,
    {%- for column in period %}
    income.{{ column }},
    {%- endfor %}
    balance.position,
    balance.name as balance,
    balance.label_fr,
    balance.label_en,
    {%- for name in ['', 'previous_'] %}
    coalesce(sum(income.{{ name }}result) filter (
        where income.intermediate_balance = any(balance.steps)
            or balance.name = 'self_financing' and income.in_self_financing
    ), 0) as {{ name }}amount{{ ',' if not loop.last }}
    {%- endfor %}
from {{ income }} as income
cross join (
    values
    {%- for name, parts, fr, en in balances %}
    ({{ loop.index }}, '{{ name }}', '{{ '{' ~ parts | join(',') ~ '}' }}'::text [], {{ pennylane_quoted(fr) }}, '{{ en }}'){{ ',' if not loop.last }}
    {%- endfor %}
) as balance (position, name, steps, label_fr, label_en)
group by {{ range(1, period | length + 7) | join(', ') }}
{%- endmacro -%}
