"""Prepares a run: keeps others out, and makes Meltano's bookmarks match the tables.

The first step of the job `sync`: `python -m pennylane_launcher.running.bookmarks`.
"""

import argparse
import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import sqlalchemy as sa
import structlog
from meltano.core.db import project_engine
from meltano.core.error import MeltanoError
from meltano.core.project import Project
from meltano.core.state_service import StateService
from sqlalchemy.orm import Session

from pennylane_launcher import claim, meltano
from pennylane_launcher.books import deliveries
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.postgres import database, warehouse
from pennylane_launcher.running import keeper, killed, leftovers
from pennylane_launcher.settings import envfile, weak
from pennylane_launcher.settings.redaction import Secrets

PIPELINE = f"{meltano.TAP}-to-{meltano.TARGET}"


def main() -> int:
    """Compare Meltano's bookmarks with the tables, and return the exit code."""
    # Meltano shows warnings; that the keeper outlives this step is none.
    warnings.simplefilter("ignore", ResourceWarning)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    folder = Path.cwd()
    leftovers.clear(folder)
    try:
        settings = envfile.variables(folder)
        weak.refuse_token(folder, settings)
        with database.database(folder) as (url, variables):
            os.environ.update(variables)
            schema = warehouse.schema(settings)
            _keep_others_out(url, schema)
            fit(url, schema, _suffix(psutil.Process(os.getppid()).cmdline()))
    except LauncherError as error:
        print(Secrets.of(folder).hide(str(error)), file=sys.stderr)
        return error.exit_code
    except (MeltanoError, psycopg.Error, sa.exc.SQLAlchemyError) as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")
        text = f"The bookmarks cannot be compared with the tables: {cause}."
        print(Secrets.of(folder).hide(text), file=sys.stderr)
        return 1
    return 0


def fit(url: str, schema: str, suffix: str = "") -> None:
    """Forget the bookmarks that do not match their tables, and say why; advance those that may be.

    Nothing is in progress: a run that Meltano believes in was killed, and is marked as failed.

    Args:
        url: libpq URL of the database.
        schema: the schema of the tables.
        suffix: of the state ID, if the run was started with one.
    """
    with _state(suffix) as (session, service, name):
        interrupted = killed.was_interrupted(session, name)
        killed.bury(session, name)
        if os.environ.get("MELTANO_RUN_FULL_REFRESH", "").lower() in {"1", "true", "yes", "on"}:
            return  # it ignores bookmarks
        state: dict[str, Any] = service.get_state(name)
        before: Mapping[str, Any] = state.get("singer_state", {}).get("bookmarks") or {}
        newer = deliveries.newer(url, schema, before) if interrupted else {}
        bookmarks = {**before, **newer}
        found = deliveries.misfits(url, schema, bookmarks, adopt=True) if bookmarks else {}
        if not found and not newer:
            return
        for stream, reason in found.items():
            print(f"'{stream}' is read completely again: {reason}.")
        state.setdefault("singer_state", {})["bookmarks"] = {
            stream: bookmark for stream, bookmark in bookmarks.items() if stream not in found
        }
        service.set_state(name, json.dumps(state))


def _keep_others_out(url: str, schema: str) -> None:
    """Make sure that no other run is in progress, for as long as this one is."""
    parent = psutil.Process(os.getppid())
    if claim.is_ours(url, schema):
        with psycopg.connect(url, autocommit=True) as connection:
            claim.wait_for_target(connection, schema)
    elif any(Path(part).name == "meltano" for part in parent.cmdline()[:2]):
        keeper.keep(url, schema, parent.pid)
    else:  # by hand, without a run
        with claim.claim(url, schema, "bookmarks:check"):
            pass


def _suffix(command: Sequence[str]) -> str:
    """Return the suffix of the state ID, given the command line of the run.

    A wrong one would compare another company's bookmarks with these tables.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False, exit_on_error=False)
    parser.add_argument("--state-id-suffix")
    given, _ = parser.parse_known_args(command)
    return given.state_id_suffix or os.environ.get("MELTANO_RUN_STATE_ID_SUFFIX") or ""


@contextmanager
def _state(suffix: str) -> Iterator[tuple[Session, StateService, str]]:
    """Provide Meltano's own tables, its store of bookmarks, and this pipeline's state ID."""
    project = Project.find()
    project.activate_environment(os.environ.get("MELTANO_ENVIRONMENT") or "dev")
    environment = project.environment
    suffix = suffix or ((environment and environment.state_id_suffix) or "")
    parts = [environment.name if environment else "", PIPELINE, *([suffix] if suffix else [])]
    _, sessions = project_engine(project)
    with sessions() as session, StateService(project, session) as service:
        yield session, service, ":".join(parts)


if __name__ == "__main__":
    sys.exit(main())
