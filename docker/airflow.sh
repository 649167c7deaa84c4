#!/bin/sh
# One part of Airflow in its own container, with the settings in meltano.yml. It finds its tables through
# libpq's variables (PGHOST and so on), so that no password has to be encoded in a URL.
set -eu
settings=${TMPDIR:-/tmp}/airflow.env
if ! [ -s "$settings" ]; then
  MELTANO_DATABASE_URI="sqlite:///$settings.db" meltano --log-level error \
    config print airflow --format=env | sed -n 's/^AIRFLOW_/export &/p' > "$settings.new"
  mv "$settings.new" "$settings"
fi
. "$settings"
tables='postgresql+psycopg2:///?options=-csearch_path%3Dairflow'
export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="$tables"
export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC="postgresql+psycopg:${tables#*:}"
export AIRFLOW__CELERY__RESULT_BACKEND="db+$tables"

# What the parts share; the first of them creates it.
secret=$AIRFLOW_HOME/secret
if [ "$1" = prepare ]; then
  python -c 'import psycopg; psycopg.connect(autocommit=True).execute("create schema if not exists airflow")'
  [ -s "$secret" ] || (umask 077 && python -c 'import secrets; print(secrets.token_hex(32))' > "$secret")
  .cache/airflow/bin/airflow db migrate
  exec .cache/airflow/bin/airflow pools set pipeline 4 'One run at a time per schema'
fi
AIRFLOW__API_AUTH__JWT_SECRET=$(cat "$secret")
export AIRFLOW__API_AUTH__JWT_SECRET AIRFLOW__API__SECRET_KEY="$AIRFLOW__API_AUTH__JWT_SECRET"
exec .cache/airflow/bin/airflow "$@"
