"""Forgets bookmarks that do not match their tables, so that the run reads those streams whole.

The first step of the job `sync`: `python -m pennylane_launcher.running.bookmarks`.
"""

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
import structlog
from meltano.core.db import project_engine
from meltano.core.error import MeltanoError
from meltano.core.project import Project
from meltano.core.state_service import StateService

from pennylane_launcher import meltano
from pennylane_launcher.books import deliveries
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.postgres import database, warehouse
from pennylane_launcher.running import leftovers
from pennylane_launcher.settings import envfile, weak
from pennylane_launcher.settings.redaction import Secrets

PIPELINE = f"{meltano.TAP}-to-{meltano.TARGET}"


def main() -> int:
    """Compare Meltano's bookmarks with the tables, and return the exit code."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    folder = Path.cwd()
    leftovers.clear(folder)
    try:
        settings = envfile.variables(folder)
        weak.refuse_token(folder, settings)
        with database.database(folder) as (url, variables):
            os.environ.update(variables)
            fit(url, warehouse.schema(settings))
    except LauncherError as error:
        print(Secrets.of(folder).hide(str(error)), file=sys.stderr)
        return error.exit_code
    except (MeltanoError, psycopg.Error, sa.exc.SQLAlchemyError) as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")
        text = f"The bookmarks cannot be compared with the tables: {cause}."
        print(Secrets.of(folder).hide(text), file=sys.stderr)
        return 1
    return 0


def fit(url: str, schema: str) -> None:
    """Forget the bookmarks that do not match their tables, and say why.

    Args:
        url: libpq URL of the database.
        schema: the schema of the tables.
    """
    if os.environ.get("MELTANO_RUN_FULL_REFRESH", "").lower() in {"1", "true", "yes", "on"}:
        return  # it ignores bookmarks
    with _state() as (service, name):
        state: dict[str, Any] = service.get_state(name)
        bookmarks: Mapping[str, Any] = state.get("singer_state", {}).get("bookmarks") or {}
        found = deliveries.misfits(url, schema, bookmarks, adopt=True) if bookmarks else {}
        if not found:
            return
        for stream, reason in found.items():
            print(f"'{stream}' is read completely again: {reason}.")
        state["singer_state"]["bookmarks"] = {
            stream: bookmark for stream, bookmark in bookmarks.items() if stream not in found
        }
        service.set_state(name, json.dumps(state))


@contextmanager
def _state() -> Iterator[tuple[StateService, str]]:
    """Provide Meltano's store of bookmarks, and the name of this pipeline's state in it."""
    project = Project.find()
    project.activate_environment(os.environ.get("MELTANO_ENVIRONMENT") or "dev")
    environment = project.environment
    suffix = os.environ.get("MELTANO_RUN_STATE_ID_SUFFIX") or (
        environment and environment.state_id_suffix
    )
    parts = [environment.name if environment else "", PIPELINE, *([suffix] if suffix else [])]
    _, sessions = project_engine(project)
    with sessions() as session, StateService(project, session) as service:
        yield service, ":".join(parts)


if __name__ == "__main__":
    sys.exit(main())
