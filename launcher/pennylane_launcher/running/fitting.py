"""Makes Meltano's bookmarks match the tables, by Meltano's own means."""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from meltano.core.db import project_engine
from meltano.core.error import MeltanoError
from meltano.core.project import Project
from meltano.core.state_service import StateService
from sqlalchemy.orm import Session

from pennylane_launcher import meltano
from pennylane_launcher.books import deliveries
from pennylane_launcher.errors import IncomparableError
from pennylane_launcher.running import killed

ON = {"1", "true", "yes", "on"}
"""What Meltano takes for true; a full refresh ignores bookmarks."""


def fit(url: str, schema: str, pipeline: str, suffix: str = "") -> None:
    """Forget the bookmarks that do not match their tables, and say why; advance those that may be.

    Nothing is in progress: a run that Meltano believes in was killed, and is marked as failed.

    Args:
        url: libpq URL of the database.
        schema: the schema of the tables.
        pipeline: its part of the state ID.
        suffix: of the state ID, if the run was started with one.

    Raises:
        IncomparableError: Meltano cannot read its settings or its state.
        psycopg.Error: the tables cannot be queried.
        sqlalchemy.exc.SQLAlchemyError: Meltano's own tables cannot be used.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        project = Project.find()
        with _state(project, pipeline, suffix) as (session, service, name):
            interrupted = killed.was_interrupted(session, name)
            killed.bury(session, name)
            if interrupted:  # Meltano may have been writing its catalog
                project.dirs.run(meltano.TAP, "tap.properties.cache_key").unlink(missing_ok=True)
            if os.environ.get("MELTANO_RUN_FULL_REFRESH", "").lower() not in ON:
                _fit(url, schema, service, name, interrupted=interrupted)
    except MeltanoError as error:
        raise IncomparableError(error) from error


def _fit(url: str, schema: str, service: StateService, name: str, *, interrupted: bool) -> None:
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


@contextmanager
def _state(
    project: Project, pipeline: str, suffix: str
) -> Iterator[tuple[Session, StateService, str]]:
    """Provide Meltano's own tables, its store of bookmarks, and this pipeline's state ID."""
    project.activate_environment(os.environ.get("MELTANO_ENVIRONMENT") or "dev")
    environment = project.environment
    suffix = suffix or ((environment and environment.state_id_suffix) or "")
    parts = [environment.name if environment else "", pipeline, *([suffix] if suffix else [])]
    _, sessions = project_engine(project)
    with sessions() as session, StateService(project, session) as service:
        yield session, service, ":".join(parts)
