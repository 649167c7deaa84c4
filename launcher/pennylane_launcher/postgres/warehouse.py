"""The PostgreSQL that `.env` names: which one, and whether it can be used."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from pennylane_launcher.errors import LauncherError, SettingsError
from pennylane_launcher.meltano import SCHEMA

READER = "pennylane_reader"
"""The role that may read the views, unless a setting names another."""
WAIT = 10
"""Seconds to wait for a connection."""
_KNOW_THEIR_COMPANIES = """
select table_schema::text, table_name::text from information_schema.columns
where table_schema = any(%s) and (
    table_name = 'company' and column_name in ('company_id', 'company_name', '_sdc_deleted_at')
    or table_name = 'companies' and column_name in ('id', 'name', '_sdc_deleted_at')
    or table_name = '_sdc_deliveries' and column_name in ('table_name', 'bookmark', 'version')
)
group by 1, 2 having count(*) = 3
order by bool_or(table_name = '_sdc_deliveries')
"""
_COMPANIES = {
    "company": "select company_id, company_name from {} where _sdc_deleted_at is null",
    "companies": "select id, name from {} where _sdc_deleted_at is null",
    # The bookmarks beside the tables: if neither of the two is selected, these still have the id.
    "_sdc_deliveries": """
        select distinct coalesce(
            part #>> '{{context,company_id}}', bookmark ->> 'company'
        )::bigint, ''
        from {} left join lateral jsonb_path_query(bookmark, '$.partitions[*]') as part on true
    """,
}


def schema(settings: Mapping[str, str]) -> str:
    """Return the schema of the tables."""
    return settings.get("TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA") or SCHEMA


def reader(settings: Mapping[str, str]) -> str:
    """Return the role that may read the views and nothing else."""
    return settings.get("DBT_PENNYLANE_READER_ROLE") or READER


def url(settings: Mapping[str, str]) -> str | None:
    """Return the libpq URL of the PostgreSQL that the settings name; None is the embedded one.

    Args:
        settings: environment variables, those of `.env` included.

    Raises:
        SettingsError: they name one incompletely, or by an invalid URL.
    """
    if given := settings.get("TARGET_POSTGRES_SQLALCHEMY_URL"):
        found_url = "postgresql://" + given.split("://", 1)[-1]
        if not _is_whole(found_url):
            # Its parts are not shown: a misread one may belong to the password.
            msg = (
                "TARGET_POSTGRES_SQLALCHEMY_URL is not a URL that PostgreSQL understands: write"
                " postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with characters such as @ : / %"
                " in the password percent-encoded."
            )
            raise SettingsError(msg)
        return found_url
    default = "prod" if settings.get("POSTGRES_HOST") else "dev"
    if (settings.get("MELTANO_ENVIRONMENT") or default) != "prod":
        return None
    found = {
        name: settings.get(f"TARGET_POSTGRES_{name}") or settings.get(f"POSTGRES_{name}") or ""
        for name in ("HOST", "PORT", "USER", "PASSWORD")
    }
    found["DB"] = settings.get("TARGET_POSTGRES_DATABASE") or settings.get("POSTGRES_DB") or ""
    missing = [f"POSTGRES_{name}" for name in ("HOST", "USER", "DB") if not found[name]]
    if missing:
        msg = f"The database is not named completely: set {', '.join(missing)} in `.env`."
        raise SettingsError(msg)
    user, password, host, database = (
        quote(found[name], safe="") for name in ("USER", "PASSWORD", "HOST", "DB")
    )
    secret = f":{password}" if password else ""
    return f"postgresql://{user}{secret}@/{database}?host={host}&port={found['PORT'] or 5432}"


def _is_whole(url: str) -> bool:
    """Tell whether no unencoded `@` or `/` in the password splits the URL in the wrong place."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error:
        return False
    names = f"{parts.get('host', '')}{parts.get('dbname', '')}"
    return "@" not in names and str(parts.get("port", 5432)).replace(",", "").isdecimal()


def prepare(url: str, schema: str) -> None:
    """Check that the database can be used, and create the schemas that it lacks.

    Args:
        url: libpq URL of the database.
        schema: the schema of the tables.

    Raises:
        LauncherError: it cannot be reached, is not UTF8, or the role may not create a schema.
    """
    try:
        with psycopg.connect(url, connect_timeout=WAIT) as connection:
            encoding = connection.info.parameter_status("server_encoding")
            if encoding != "UTF8":
                msg = (
                    f"The {name(url)}, is encoded in {encoding}, which cannot hold every"
                    " name. Make another one and name it in `.env`: `CREATE DATABASE … ENCODING"
                    " 'UTF8' TEMPLATE template0`."
                )
                raise LauncherError(msg)
            missing = [
                wanted
                for wanted in ("meltano", schema)
                if not connection.execute(
                    "select from pg_namespace where nspname = %s", [wanted]
                ).rowcount
            ]
            if "meltano" in missing:
                connection.execute("create schema meltano")
            if schema in missing:
                connection.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
    except psycopg.errors.InsufficientPrivilege as error:
        parts = conninfo_to_dict(url)
        database, role = (sql.Identifier(str(parts[key])).as_string() for key in ("dbname", "user"))
        msg = (
            f"On {name(url)} the role may not create the schemas it needs ({', '.join(missing)},"
            " and those of the views): have the database's owner say"
            f" `GRANT CREATE ON DATABASE {database} TO {role}`."
        )
        raise LauncherError(msg) from error
    except psycopg.Error as error:
        raise LauncherError(unusable(url, error)) from error


def companies(url: str, schemas: Sequence[str]) -> dict[str, dict[int, str]]:
    """Return the names of the companies in each schema, by id: one, or those of a firm.

    A name is empty if no table has it.

    Args:
        url: libpq URL of the database.
        schemas: of raw tables; those that do not say so are left out.
    """
    found: dict[str, dict[int, str]] = {}
    with psycopg.connect(url, connect_timeout=WAIT) as connection:
        known = connection.execute(_KNOW_THEIR_COMPANIES, [list(schemas)]).fetchall()
        for schema, table in known:
            if found.get(schema) and table == "_sdc_deliveries":
                continue
            query = sql.SQL(_COMPANIES[table]).format(sql.Identifier(schema, table))
            rows = connection.execute(query).fetchall()
            found.setdefault(schema, {}).update({row[0]: str(row[1]) for row in rows if row[0]})
    return found


def unusable(url: str, error: psycopg.Error) -> str:
    """Say why a database cannot be used, and what to check."""
    return (
        f"PostgreSQL cannot be used: {name(url)}: {_reason(error)}. Check POSTGRES_HOST,"
        " POSTGRES_PORT, POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB in `.env`, and that"
        " the server is up and reachable from here."
    )


def name(url: str) -> str:
    """Return the description of a database for messages, without its password."""
    parts = conninfo_to_dict(url)
    return (
        f"database {parts.get('dbname', '?')} of {parts.get('host', 'localhost')}"
        f" port {parts.get('port', 5432)}, user {parts.get('user', '?')}"
    )


def _reason(error: psycopg.Error) -> str:
    """Take the cause out of libpq's message, which may try several addresses."""
    line = str(error).strip().splitlines()[-1]
    for line in str(error).splitlines():
        if "failed: " in line:
            break
    return line.rsplit("failed: ", 1)[-1].removeprefix("FATAL:").strip().rstrip(".")
