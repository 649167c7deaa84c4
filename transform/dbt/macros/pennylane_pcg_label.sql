{#- The name of a two-digit class of income or expenses in the plan comptable général. -#}
{%- macro pennylane_pcg_label(subclass) -%}
{%- set labels = {
    '60': 'Achats',
    '61': 'Services extérieurs',
    '62': 'Autres services extérieurs',
    '63': 'Impôts, taxes et versements assimilés',
    '64': 'Charges de personnel',
    '65': 'Autres charges de gestion courante',
    '66': 'Charges financières',
    '67': 'Charges exceptionnelles',
    '68': 'Dotations aux amortissements, aux dépréciations et aux provisions',
    '69': 'Participation des salariés, impôts sur les bénéfices et assimilés',
    '70': 'Ventes de produits fabriqués, prestations de services, marchandises',
    '71': 'Production stockée',
    '72': 'Production immobilisée',
    '74': 'Subventions',
    '75': 'Autres produits de gestion courante',
    '76': 'Produits financiers',
    '77': 'Produits exceptionnels',
    '78': 'Reprises sur amortissements, dépréciations et provisions',
    '79': 'Transferts de charges',
} -%}
case {{ subclass }}
    {%- for digits, label in labels.items() %}
    when '{{ digits }}' then '{{ label }}'
    {%- endfor %}
end
{%- endmacro -%}
