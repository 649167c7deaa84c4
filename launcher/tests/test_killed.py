"""Runs that Meltano believes to be running, in its own table."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from meltano.core.job.job import Job, State
from meltano.core.models import SystemModel
from pennylane_launcher import meltano
from pennylane_launcher.postgres import embedded
from pennylane_launcher.running import killed
from sqlalchemy.orm import Session

OURS, ANOTHER = "prod:tap-pennylane-to-target-postgres", "prod:another-company"
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def session(postgres: embedded.Server) -> Iterator[Session]:
    """A session in Meltano's own tables, which are empty."""
    engine = sa.create_engine(meltano.system_database(postgres.url("killed")))
    SystemModel.metadata.create_all(engine)
    with Session(engine) as session:
        yield session
    SystemModel.metadata.drop_all(engine)
    engine.dispose()


def add(session: Session, name: str, state: State, hours: int = 0) -> Job:
    """Add a run that began some hours after the first one."""
    began = START + timedelta(hours=hours)
    job = Job(job_name=name, state=state, started_at=began, last_heartbeat_at=datetime.now(UTC))
    return job.save(session)


def test_a_run_that_holds_no_lock_has_failed_whatever_its_heartbeat(session: Session) -> None:
    dead = add(session, OURS, State.RUNNING)
    done, alive = add(session, OURS, State.SUCCESS), add(session, ANOTHER, State.RUNNING)
    killed.bury(session, OURS)
    session.expire_all()
    assert (dead.state, done.state, alive.state) == (State.FAIL, State.SUCCESS, State.RUNNING)
    assert dead.ended_at
    assert dead.payload["error"].startswith("The run was killed: ")


def test_only_the_latest_run_counts_as_interrupted(session: Session) -> None:
    assert not killed.was_interrupted(session, OURS)
    add(session, OURS, State.FAIL)
    add(session, ANOTHER, State.SUCCESS, hours=1)
    assert killed.was_interrupted(session, OURS)
    add(session, OURS, State.STATE_EDIT, hours=2)
    assert not killed.was_interrupted(session, OURS)
    add(session, OURS, State.RUNNING, hours=3)
    assert killed.was_interrupted(session, OURS)
