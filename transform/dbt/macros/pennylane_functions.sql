{#- Functions beside views: the same columns, for another day or a period. -#}

{#- The name of the function beside a view that gives the same rows as of another day. -#}
{%- macro pennylane_on(view) -%}
{{ api.Relation.create(schema=view.schema, identifier=view.identifier ~ '_on') }}
{%- endmacro -%}

{#- That function.

    view: the view.
    query: the view's query, with `day` for today. -#}
{%- macro pennylane_function_on(view, query) -%}
{{ pennylane_function(
    view, pennylane_on(view), ['day'], query,
    'The rows of ' ~ view.identifier ~ ' as of the end of a day',
    'Les lignes de la vue ' ~ view.identifier ~ ' à la fin d\'une journée'
) }}
{%- endmacro -%}

{#- The function beside a view that gives the rows of a period.

    view: the view.
    query: the view's query, with first_day and last_day. -#}
{%- macro pennylane_function_between(view, query) -%}
{{ pennylane_function(
    view, api.Relation.create(schema=view.schema, identifier=view.identifier ~ '_between'), ['first_day', 'last_day'], query,
    'The rows of ' ~ view.identifier ~ ' of a period',
    'Les lignes de la vue ' ~ view.identifier ~ ' d\'une période'
) }}
{%- endmacro -%}

{#- A function that returns rows of a view.

    days: the names of its arguments.
    english, french: its comment. -#}
{%- macro pennylane_function(view, name, days, query, english, french) -%}
create or replace function {{ name }}({{ days | join(' date, ') }} date)
returns setof {{ view.include(database=false) }}
language sql stable as $function$
{{ pennylane_without_database(query, view.database) }}
$function$;
comment on function {{ name }}({{ (['date'] * days | length) | join(', ') }})
is {{ pennylane_quoted(pennylane_in_language(english, french)) }};
{%- endmacro -%}

{#- The body of a function without the database's name, so that it works in a copy with another one. A schema may have
    the same name as the database; it stays. -#}
{%- macro pennylane_without_database(body, database) -%}
{{ body | replace('"' ~ database ~ '"."', '"') }}
{%- endmacro -%}
