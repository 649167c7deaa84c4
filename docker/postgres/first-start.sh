#!/bin/sh
# What PostgreSQL's image runs once, in a new volume: the demo's database, and the login of the reader.
psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv password POSTGRES_READER_PASSWORD
CREATE DATABASE pennylane_demo;
-- The build of the views grants it what it may read.
CREATE ROLE pennylane_reader;
SELECT :'password' <> '' AS given \gset
\if :given
ALTER ROLE pennylane_reader LOGIN PASSWORD :'password';
\endif
SQL
