#!/bin/sh
# What PostgreSQL's image runs once, in a new volume: the demo's database, and who may do what.
psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv database POSTGRES_DB
\getenv pipeline PIPELINE_USER
\getenv password POSTGRES_PASSWORD
\getenv reader_password POSTGRES_READER_PASSWORD
CREATE DATABASE pennylane_demo;

-- The pipeline makes its schemas and owns them, and can do nothing to the server.
CREATE ROLE :"pipeline" LOGIN PASSWORD :'password';
GRANT CREATE ON DATABASE :"database", pennylane_demo TO :"pipeline";

-- The build of the views grants it what it may read.
CREATE ROLE pennylane_reader;
SELECT :'reader_password' <> '' AS given \gset
\if :given
ALTER ROLE pennylane_reader LOGIN PASSWORD :'reader_password';
\endif

-- From here on nobody logs in as the superuser by the network: a role without a password can't.
ALTER ROLE CURRENT_USER PASSWORD NULL;
SQL
