#!/bin/sh
# PostgreSQL's image runs this once, in a new volume: it creates the demo's database and the roles.
psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv database POSTGRES_DB
\getenv pipeline PIPELINE_USER
\getenv password POSTGRES_PASSWORD
\getenv reader_password POSTGRES_READER_PASSWORD
CREATE DATABASE pennylane_demo;

-- The pipeline creates and owns its schemas, and has no rights on the server.
CREATE ROLE :"pipeline" LOGIN PASSWORD :'password';
GRANT CREATE ON DATABASE :"database", pennylane_demo TO :"pipeline";

-- The build of the views grants the reader its rights.
CREATE ROLE pennylane_reader;
SELECT :'reader_password' <> '' AS given \gset
\if :given
ALTER ROLE pennylane_reader LOGIN PASSWORD :'reader_password';
\endif

-- From here on, nobody can log in as the superuser over the network: a role without a password cannot.
ALTER ROLE CURRENT_USER PASSWORD NULL;
SQL
