"""How to call the project's `meltano`: its command line, and the variables it reads."""

import os
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import yaml
from psycopg.conninfo import conninfo_to_dict

SCHEMA = "pennylane"
TAP = "tap-pennylane"
TARGET = "target-postgres"
TARGET_URL = "TARGET_POSTGRES_SQLALCHEMY_URL"
# Variables that `meltano.yml` and the plugins read, or libpq on its own.
OURS = ("MELTANO_", "TAP_PENNYLANE_", "TARGET_POSTGRES_", "POSTGRES_", "PG", "DBT_")
PLUGINS = ("extractors", "loaders", "mappers", "utilities")
# They slow Python down, or point it at another environment.
UNWANTED = {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}


def command(*arguments: str, env_file: Path | None = None) -> list[str]:
    """Return the command line that calls Meltano.

    Args:
        arguments: what follows `meltano`.
        env_file: read instead of the project's `.env`; `/dev/null` for none.
    """
    program = Path(sys.executable).with_name("meltano")
    options = ["--env-file", str(env_file)] if env_file else []
    return [str(program), *options, *arguments]


def left_out(project: Path = Path()) -> set[str]:
    """Return the streams that `select` in `meltano.yml` leaves out, whole."""
    config = yaml.safe_load((project / "meltano.yml").read_text(encoding="utf-8"))
    extractors = config["plugins"]["extractors"]
    (patterns,) = (one.get("select", []) for one in extractors if one["name"] == TAP)
    return {one[1:-2] for one in patterns if one.startswith("!") and one.endswith(".*")}


def json_log(project: Path = Path()) -> list[str]:
    """Return the options that make Meltano's console output JSON; other logging is unchanged.

    `--log-format` is ignored if the project has a `logging.yaml`, so a changed copy is used.
    """
    try:
        config = yaml.safe_load((project / "logging.yaml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ["--log-format", "json"]
    config.setdefault("formatters", {})["launcher"] = {"()": "meltano.core.logging.json_formatter"}
    config["handlers"]["console"] = {
        "class": "logging.StreamHandler",
        "formatter": "launcher",
        "level": "INFO",
        "stream": "ext://sys.stderr",
    }
    copy = project / ".meltano" / "launcher-logging.yaml"
    copy.parent.mkdir(exist_ok=True)
    # Runs side by side write it, too: none may find half of it.
    new = copy.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    new.write_text(yaml.safe_dump(config), encoding="utf-8")
    new.replace(copy)
    return ["--log-config", str(copy)]


def system_folder(project: Path, company: str) -> Path:
    """Return the folder in which Meltano keeps a company's files during a run, and create it.

    Meltano writes the settings, the bookmarks and the catalog of a run into files of one name, so
    runs side by side need a folder each (MELTANO_SYS_DIR_ROOT). The installed plugins are shared.

    Args:
        project: the project's folder.
        company: its name in companies.yml.
    """
    shared = (project / ".meltano").absolute()
    folder = shared / "companies" / company
    (folder / "run").mkdir(mode=0o700, parents=True, exist_ok=True)
    for kind in PLUGINS:
        if (shared / kind).exists():
            with suppress(FileExistsError):
                (folder / kind).symlink_to(Path("..") / ".." / kind)
    return folder


def environment(
    url: str,
    *,
    schema: str = SCHEMA,
    api_url: str | None = None,
    token: str | None = None,
    base: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Return the variables for a Meltano that works on the given database and nothing else.

    With `command(…, env_file=Path(os.devnull))` no other setting of this machine applies.

    Args:
        url: libpq URL of the database for the tables; Meltano's own go to its schema `meltano`.
        schema: the schema of the tables.
        api_url: where the API is; None is Pennylane itself.
        token: the token for it.
        base: the variables to start from; those that concern this project are dropped.
    """
    given = {
        "MELTANO_ENVIRONMENT": "dev",
        "MELTANO_DATABASE_URI": system_database(url),
        **target(url),
        "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": schema,
        "TAP_PENNYLANE_API_URL": api_url,
        "TAP_PENNYLANE_API_TOKEN": token,
    }
    kept = {name: value for name, value in python(base).items() if not name.startswith(OURS)}
    return kept | {name: value for name, value in given.items() if value is not None}


def python(base: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those that must not reach a Python program here."""
    return {name: value for name, value in base.items() if name not in UNWANTED}


def target(url: str) -> dict[str, str]:
    """Return the variables that name a database: by URL for the target, by its parts for dbt."""
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    parts = conninfo_to_dict(url)
    found = {
        f"TARGET_POSTGRES_{name}": str(parts[key])
        for key, name in (names | {"dbname": "DATABASE"}).items()
        if key in parts
    }
    return found | {TARGET_URL: sqlalchemy(url)}


def sqlalchemy(url: str, driver: str = "exact") -> str:
    """Return a libpq URL in SQLAlchemy's form, by default with the target's exact driver."""
    return url.replace("postgresql://", f"postgresql+{driver}://", 1)


def system_database(url: str) -> str:
    """Return the URL of Meltano's own tables: the same database, schema `meltano`."""
    separator = "&" if "?" in url else "?"
    return f"{sqlalchemy(url, 'psycopg')}{separator}options=-csearch_path%3Dmeltano"
