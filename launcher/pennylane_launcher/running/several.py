"""`make run` with `companies.yml`: companies side by side, then the views of all of them."""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import psycopg

from pennylane_launcher import terminal
from pennylane_launcher.books import report
from pennylane_launcher.claim import claim
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.lock import alone
from pennylane_launcher.postgres import warehouse
from pennylane_launcher.postgres.database import database, of_companies, twins
from pennylane_launcher.running import changes, leftovers, pipeline
from pennylane_launcher.running.loading import is_untested, since
from pennylane_launcher.running.migrating import migrate
from pennylane_launcher.running.progress import Progress
from pennylane_launcher.settings import companies, envfile, weak
from pennylane_launcher.settings.companies import Access
from pennylane_launcher.settings.redaction import Secrets
from pennylane_launcher.settings.wording import wording

JOBS = max(2, min(8, os.cpu_count() or 2))
"""Companies that are loaded at the same time: most of a load is waiting for Pennylane."""


@dataclass(frozen=True)
class Ended:
    """How the load of a company ended.

    Attributes:
        name: of the company.
        changed: what changed in its tables, as far as they were loaded.
        failed: why the load failed; empty if it did not.
        is_new: whether its tables are to be tested now.
        has_read: whether any rows were read.
    """

    name: str
    changed: str = ""
    failed: str = ""
    is_new: bool = False
    has_read: bool = False

    def __str__(self) -> str:
        """Return a line of the summary."""
        failure = f"failed: {self.failed}" if self.failed else ""
        return f"  {self.name}: {' '.join(part for part in (self.changed, failure) if part)}"


class _StoppedError(BaseException):
    """The main thread is ending: so does this load."""


def run(project: Path, *, options: Sequence[str], name: str | None, jobs: int | None) -> int:
    """Load companies of companies.yml, build the views of all, and print a line per company.

    Args:
        project: the project's folder.
        options: of `meltano run`.
        name: of the only company to load; all by default.
        jobs: how many to load at the same time.

    Returns:
        0.

    Raises:
        LauncherError: the file is wrong, or a company was not loaded; says which and why.
    """
    settings = envfile.variables(project)
    chosen = companies.chosen(project, settings, [name] if name else ())
    weak.refuse_tokens(project, settings, chosen)
    begin = time.monotonic()
    with database(project) as (url, variables):
        ended = _refused(project, url, chosen)
        wanted = [access for access in chosen if access.company.name not in ended]
        for access in wanted:
            warehouse.prepare(url, access.company.schema)
        migrate({**variables, **settings}["MELTANO_DATABASE_URI"])
        many = "1 company" if len(wanted) == 1 else f"{len(wanted)} companies"
        print(f"Loading {many} into {warehouse.name(url)} …")
        loads = _Loads(project, url, settings, variables, options)
        ended |= loads.run(wanted, jobs or JOBS)
        # Only now is it known which company a new token belongs to.
        ended |= _refused(project, url, chosen)
        environment = {**variables, **of_companies(project, url, settings)}
        trouble = _show(project, url, settings, environment, list(ended.values()))
        print()
        for access in chosen:
            print(ended[access.company.name])
    print(f"Took {time.monotonic() - begin:.0f} s.")
    failed = [each.name for each in ended.values() if each.failed]
    if failed:
        others = "The others are loaded." if len(failed) < len(chosen) else ""
        more = " ".join(filter(None, (others, trouble)))
        msg = (
            f"{len(failed)} of {len(chosen)} companies failed: {', '.join(sorted(failed))}."
            f" The lines above say why. {more}"
        )
        raise LauncherError(msg.strip())
    if trouble:
        raise LauncherError(trouble)
    return 0


def _refused(project: Path, url: str, chosen: Sequence[Access]) -> dict[str, Ended]:
    """Return the companies that have two tokens; the first entry of each is loaded."""
    doubles = twins(url, companies.read(project))
    names = [access.company.name for access in chosen]
    return {name: Ended(name, failed=f"{doubles[name]}.") for name in names if name in doubles}


class _Loads:
    """Loads of companies, a few at a time, each in a thread that watches its Meltano."""

    def __init__(
        self,
        project: Path,
        url: str,
        settings: Mapping[str, str],
        environment: Mapping[str, str],
        options: Sequence[str],
    ) -> None:
        self._project = project
        self._url = url
        self._settings = settings
        self._environment = environment
        self._options = options
        self._is_stopping = threading.Event()

    def run(self, wanted: Sequence[Access], jobs: int) -> dict[str, Ended]:
        """Load them; if this thread is interrupted, end all loads first."""
        with ThreadPoolExecutor(jobs) as pool:
            futures: set[Future[Ended]] = {pool.submit(self._load, each) for each in wanted}
            left = futures
            found: dict[str, Ended] = {}
            try:
                while left:
                    done, left = wait(left, return_when=FIRST_COMPLETED)
                    found |= {each.result().name: each.result() for each in done}
            except BaseException:
                self._is_stopping.set()
                for future in futures:
                    future.cancel()
                raise
        leftovers.clear(self._project)
        return found

    def _load(self, access: Access) -> Ended:
        name, schema = access.company.name, access.company.schema
        word = wording(self._project, self._settings, access.company)
        progress = Progress(word, has_views=False)
        voice = terminal.OneOfSeveral(name)
        variables = access.variables(self._project)
        try:
            with (
                claim(self._url, schema, f"make run of {name}", say=voice.say) as turn,
                alone(self._project, Path(variables["MELTANO_SYS_DIR_ROOT"])),
            ):
                before = report.rows(self._url, schema)
                code = pipeline.load(
                    {**self._environment, **variables, **turn.variables},
                    progress,
                    options=self._options,
                    check=self._check,
                    voice=voice,
                )
                turn.end()
            first_day = since({**self._settings, **access.company.settings})
            result = report.read(self._url, schema, since=first_day)
        except (LauncherError, psycopg.Error) as error:
            reason = Secrets(self._project, self._settings).hide(str(error).splitlines()[0])
            voice.say(f"failed: {reason}")
            return Ended(name, failed=reason)
        changed = "" if code else changes.sentence(progress.ended, before, result.rows)
        if not code and not result.balanced:
            changed += " THE BOOKS DO NOT BALANCE."
        reason = str(progress.reasons) or f"`meltano run` ended with exit code {code}."
        voice.say(f"failed: {reason}" if code else "loaded")
        return Ended(
            name,
            changed,
            reason if code else "",
            # Schedules test hourly. What needs it sooner: as for one company.
            is_new=not code
            and (
                "--full-refresh" in self._options or not result.balanced or not any(before.values())
            ),
            has_read=bool(progress.stream),
        )

    def _check(self) -> None:
        if self._is_stopping.is_set():
            raise _StoppedError


def _show(
    project: Path,
    url: str,
    settings: Mapping[str, str],
    environment: Mapping[str, str],
    ended: Sequence[Ended],
) -> str:
    """Bring the views up to date and test them; return what failed, or an empty text."""
    if not any(each.has_read for each in ended):
        return ""
    progress = Progress(wording(project, settings))
    schema = warehouse.schema(settings)
    try:
        with (
            alone(project, wait=True),
            claim(url, schema, "make run", say=terminal.say) as turn,
        ):
            variables = {**environment, **turn.variables}
            code = pipeline.build(variables, progress)
            if not code and (any(each.is_new for each in ended) or is_untested(url, schema)):
                code = pipeline.verify(variables, progress)
    except LauncherError as error:
        return f"The views were not built: {error}"
    if not code:
        return ""
    return f"The views or their tests failed: {progress.reasons or f'exit code {code}'}"
