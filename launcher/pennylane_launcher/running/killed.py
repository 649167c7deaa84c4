"""Runs that Meltano believes to be running, although they were killed."""

from meltano.core.job.finder import JobFinder
from meltano.core.job.job import State
from sqlalchemy.orm import Session

REASON = "The run was killed: it no longer holds its lock in the database."


def bury(session: Session, name: str) -> None:
    """Mark runs of a pipeline as failed; otherwise Meltano waits five minutes for their heartbeat.

    Args:
        session: of Meltano's own tables.
        name: the pipeline's state ID. Nobody holds its lock.
    """
    for job in JobFinder(name).running(session):
        job.fail(REASON)
        job.save(session)


def was_interrupted(session: Session, name: str) -> bool:
    """Tell whether the latest run of a pipeline was not completed, and no one set the state since.

    Args:
        session: of Meltano's own tables.
        name: the pipeline's state ID.
    """
    latest = JobFinder(name).latest(session)
    return latest is not None and latest.state in {State.RUNNING, State.FAIL}
