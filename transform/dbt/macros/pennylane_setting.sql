{#- A variable of this package, else its environment variable, else its default. README.md lists them. -#}
{%- macro pennylane_setting(name) -%}
  {%- set settings = {
      'pennylane_schema': ['TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA', 'pennylane'],
      'pennylane_schemas': ['DBT_PENNYLANE_SCHEMAS', ''],
      'pennylane_left_out_statuses': ['DBT_PENNYLANE_LEFT_OUT_STATUSES', 'draft'],
      'pennylane_vat_on_services': ['DBT_PENNYLANE_VAT_ON_SERVICES', 'encaissements'],
      'pennylane_opening_journals': ['DBT_PENNYLANE_OPENING_JOURNALS', ''],
      'pennylane_meltano_schema': ['DBT_PENNYLANE_MELTANO_SCHEMA', 'meltano'],
      'pennylane_time_zone': ['DBT_PENNYLANE_TIME_ZONE', 'Europe/Paris'],
      'pennylane_language': ['DBT_PENNYLANE_LANGUAGE', 'en'],
      'pennylane_reader_role': ['DBT_PENNYLANE_READER_ROLE', ''],
      'pennylane_create_role': ['DBT_PENNYLANE_CREATE_ROLE', ''],
      'pennylane_indexes': ['DBT_PENNYLANE_INDEXES', ''],
      'pennylane_history': ['DBT_PENNYLANE_HISTORY', ''],
      'pennylane_history_days': ['DBT_PENNYLANE_HISTORY_DAYS', ''],
      'pennylane_log_days': ['DBT_PENNYLANE_LOG_DAYS', '0'],
      'pennylane_idle_log_days': ['DBT_PENNYLANE_IDLE_LOG_DAYS', '0'],
      'pennylane_row_level_security': ['DBT_PENNYLANE_ROW_LEVEL_SECURITY', ''],
      'pennylane_state_suffixes': ['DBT_PENNYLANE_STATE_SUFFIXES', ''],
      'pennylane_sign_in_role': ['DBT_PENNYLANE_SIGN_IN_ROLE', ''],
  } -%}
  {%- set variable, default = settings[name] -%}
  {{ return(var(name, none) if var(name, none) is not none else (env_var(variable, '') or default)) }}
{%- endmacro -%}

{#- Whether a boolean setting is on. -#}
{%- macro pennylane_is_on(name) -%}
  {{ return(pennylane_setting(name) | string | lower in ['true', 'yes', 'on', '1']) }}
{%- endmacro -%}

{#- The language of the comments. -#}
{%- macro pennylane_language() -%}
  {%- set language = pennylane_setting('pennylane_language') | string | trim | lower -%}
  {%- if language not in ['en', 'fr'] -%}
    {%- do exceptions.raise_compiler_error(
        'The variable pennylane_language (DBT_PENNYLANE_LANGUAGE) is neither en nor fr: ' ~ language
    ) -%}
  {%- endif -%}
  {{ return(language) }}
{%- endmacro -%}

{#- A text of which both languages are given. -#}
{%- macro pennylane_in_language(english, french) -%}
  {{ return(french if pennylane_language() == 'fr' else english) }}
{%- endmacro -%}
