"""Prepares a run: keeps others out, and makes Meltano's bookmarks match the tables.

The first step of the job `sync`: `python -m pennylane_launcher.running.bookmarks`.
"""

import argparse
import json
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import psutil
import psycopg
import sqlalchemy as sa

from pennylane_launcher import claim, meltano
from pennylane_launcher.books import deliveries
from pennylane_launcher.errors import IncomparableError, LauncherError
from pennylane_launcher.postgres import database, warehouse
from pennylane_launcher.running import keeper, leftovers
from pennylane_launcher.settings import envfile, weak
from pennylane_launcher.settings.redaction import Secrets

PIPELINE = f"{meltano.TAP}-to-{meltano.TARGET}"
UNUSUAL = ("state_id_suffix", "include_paths")
"""With these in `meltano.yml`, a state ID may have more parts."""


def main() -> int:
    """Compare Meltano's bookmarks with the tables, and return the exit code."""
    # Meltano shows warnings; that the keeper outlives this step is none.
    warnings.simplefilter("ignore", ResourceWarning)
    folder = Path.cwd()
    leftovers.clear(folder)
    try:
        settings = envfile.variables(folder)
        weak.refuse_token(folder, settings)
        with database.database(folder) as (url, variables):
            os.environ.update(variables)
            schema = warehouse.schema(settings)
            _keep_others_out(url, schema)
            suffix = _suffix(psutil.Process(os.getppid()).cmdline())
            if not is_settled(url, schema, suffix):
                from pennylane_launcher.running import fitting  # noqa: PLC0415 - see is_settled

                fitting.fit(url, schema, PIPELINE, suffix)
    except LauncherError as error:
        print(Secrets.of(folder).hide(str(error)), file=sys.stderr)
        return error.exit_code
    except (psycopg.Error, sa.exc.SQLAlchemyError) as error:
        text = str(IncomparableError(getattr(error, "orig", None) or error))
        print(Secrets.of(folder).hide(text), file=sys.stderr)
        return 1
    return 0


def is_settled(url: str, schema: str, suffix: str = "") -> bool:
    """Tell whether the latest run succeeded, and every bookmark fits its table.

    Meltano's tables are read with SQL: importing Meltano takes longer than all else in this step,
    and most runs have nothing for it to do. What is out of the ordinary is left to Meltano.

    Args:
        url: libpq URL of the database.
        schema: the schema of the tables.
        suffix: of the state ID, if the run was started with one.

    Raises:
        psycopg.Error: the tables cannot be queried.
        sqlalchemy.exc.SQLAlchemyError: Meltano's own tables cannot be used.
    """
    uri = os.environ.get("MELTANO_DATABASE_URI")
    backend = os.environ.get("MELTANO_STATE_BACKEND_URI")
    project = Path("meltano.yml").read_text(encoding="utf-8")
    if not uri or backend != "systemdb" or any(name in project for name in UNUSUAL):
        return False
    environment = os.environ.get("MELTANO_ENVIRONMENT") or "dev"
    state_id = {"state_id": ":".join(filter(None, [environment, PIPELINE, suffix]))}
    engine = sa.create_engine(uri, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        runs = connection.scalars(_LATEST_RUNS, state_id).all()
        state = connection.execute(_STATE, state_id).one_or_none()
    if {*runs} != {"SUCCESS"} or state is None or json.loads(state.partial_state or "{}"):
        return False
    completed = json.loads(state.completed_state or "{}")
    bookmarks = completed.get("singer_state", {}).get("bookmarks")
    return bool(bookmarks) and not deliveries.misfits(url, schema, bookmarks, adopt=True)


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


# The latest run of a pipeline, and whatever Meltano takes for running.
_LATEST_RUNS = sa.text("""
select state from runs
where job_name = :state_id and (
    state = 'RUNNING'
    or started_at = (select max(started_at) from runs where job_name = :state_id)
)
""")
_STATE = sa.text("select completed_state, partial_state from state where state_id = :state_id")


if __name__ == "__main__":
    sys.exit(main())
