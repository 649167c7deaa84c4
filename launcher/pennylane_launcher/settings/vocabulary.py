"""Names that messages need: a secret that equals one of them cannot be hidden."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pennylane_launcher import meltano

OURS = f"""
    airflow database localhost mapper-snake-case meltano password pennylane_demo pennylane_reader
    pennylane-sandbox postgresql public sync_log {meltano.TAP} {meltano.TARGET}
""".split()
NAME = re.compile(r"(USER|HOST|DB|DATABASE|SCHEMA)$")
URL = re.compile(r"(_|^)(URL|URI)$")
SCHEMAS = ("live", "marts", "logs", "history")
STREAM = "stg_pennylane__"
"""Prefix of the models that stand for one stream each."""


def vocabulary(project: Path, settings: Mapping[str, str]) -> frozenset[str]:
    """Return, in lower case, the names of programs, roles, schemas, databases, tables and views.

    Args:
        project: the project's folder.
        settings: environment variables, those of `.env` included.
    """
    schema = settings.get("TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA") or meltano.SCHEMA
    models = (project / "transform" / "dbt" / "models").rglob("*.sql")
    found = {
        *OURS,
        *(f"{schema}_{kind}" for kind in SCHEMAS),
        *(path.stem.removeprefix(STREAM) for path in models),
    }
    for name, value in settings.items():
        if not name.startswith(meltano.OURS):
            continue
        if NAME.search(name):
            found.add(value)
        elif URL.search(name):
            found |= _named(value)
    return frozenset(name.casefold() for name in found if name)


def _named(url: str) -> set[str]:
    """Return the role, the host and the database that a URL names."""
    try:
        parts = urlsplit(url)
        return {parts.username or "", parts.hostname or "", parts.path.strip("/")}
    except ValueError:
        return set()
