"""The command line behind the Makefile: demo, run, check-health and the others."""

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from types import FrameType

import psycopg

from pennylane_launcher import commands
from pennylane_launcher.books import (
    backup,
    cleaning,
    dashboard,
    fec,
    forgetting,
    notebook,
    removing,
)
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.metrics import serving
from pennylane_launcher.monitoring import alerts
from pennylane_launcher.running import loading, scheduling, several
from pennylane_launcher.settings import companies, envfile, weak
from pennylane_launcher.settings.redaction import Secrets

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Work = Callable[[Path, argparse.Namespace, Sequence[str]], int]
"""Does the work of a command, given its own arguments and those that it passes on."""
WARNED = {"run", "up", "schedule"}
"""Commands that warn of unsafe settings."""
PASSING_ON = {"run", "meltano", "psql", "dashboard", "notebook"}


class Stopped(BaseException):
    """A signal asks the program to end; child processes are ended on the way out."""

    def __init__(self, signum: int) -> None:
        """Note which signal.

        Args:
            signum: its number.
        """
        super().__init__(signum)
        self.signum = signum


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: of the command line; those of this process by default.

    Returns:
        The exit code; 128 + n if signal n ended it.
    """
    parser = _parser()
    given, rest = parser.parse_known_args(arguments)
    if rest and given.command not in PASSING_ON:
        parser.error(f"unknown option: {rest[0]}")
    project = Path.cwd()
    if not (project / "meltano.yml").exists():
        print("There is no meltano.yml here: start from the project's folder.", file=sys.stderr)
        return 1
    _prepare()
    try:
        if given.command in WARNED:
            _warn(project)
        return int(given.work(project, given, rest))
    except LauncherError as error:
        _complain(project, str(error))
        return error.exit_code
    except psycopg.Error as error:
        _complain(project, f"PostgreSQL failed: {str(error).splitlines()[0]}")
        return 1
    except Stopped as stopped:
        name = signal.Signals(stopped.signum).name
        print(f"Stopped by {name}; all child processes have ended.", file=sys.stderr)
        return 128 + stopped.signum
    except BrokenPipeError:
        # The reader of our output is gone; without this Python complains again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _warn(project: Path) -> None:
    """Print warnings about unsafe settings."""
    if warning := envfile.openness(project):
        print(warning, file=sys.stderr)
    for warning in weak.warnings(project, envfile.variables(project)):
        print(warning, file=sys.stderr)


def _complain(project: Path, text: str) -> None:
    """Print why a command failed, without secrets."""
    print(Secrets.of(project).hide(text), file=sys.stderr)


def _prepare() -> None:
    for signum in STOPPING:
        # A signal that the caller ignores, as `nohup` does, stays ignored.
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, _stop)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pennylane-launcher", description=__doc__)
    names = parser.add_subparsers(dest="command", required=True)

    def add(
        name: str, work: Work, text: str, *, demo: bool = False, company: bool = False
    ) -> argparse.ArgumentParser:
        added = names.add_parser(name, help=text)
        added.set_defaults(work=work)
        if demo:
            added.add_argument("--demo", action="store_true", help="on the demo's database")
        if company:
            added.add_argument("--company", help="one of companies.yml")
        return added

    demo = add(
        "demo",
        lambda project, given, _: loading.demo(
            project, seed=given.seed, size=given.size, until=given.until
        ),
        "load the sandbox's made-up company",
    )
    demo.add_argument("--size", type=int, default=2000, help="number of ledger entry lines")
    demo.add_argument("--seed", type=int, default=1, help="the same seed, the same company")
    demo.add_argument(
        "--until", type=date.fromisoformat, help="last day of the books; today unless given"
    )
    run = add(
        "run",
        lambda project, given, rest: (
            several.run(project, options=rest, name=given.company, jobs=given.jobs)
            if given.company or companies.exist(project)
            else loading.run(project, options=rest)
        ),
        "load your company, or those of companies.yml; further options: those of `meltano run`",
        company=True,
    )
    run.add_argument(
        "--jobs", type=_positive, help=f"companies at the same time; by default {several.JOBS}"
    )
    add(
        "schedule",
        lambda project, *_: scheduling.schedule(project),
        "run the schedules of meltano.yml with Airflow, until stopped",
    )
    step = add(
        "step",
        lambda project, given, _: scheduling.step(project, given.blocks.split(), given.company),
        f"run one step of a job; exit code {os.EX_CONFIG}: a retry cannot succeed",
        company=True,
    )
    step.add_argument("blocks", help='as in meltano.yml, like "tap-pennylane target-postgres"')
    for name, work, text in (
        ("up", commands.up, "make the database ready for Meltano"),
        ("down", commands.down, "stop the embedded PostgreSQL"),
        ("companies", commands.list_companies, "list the names in companies.yml"),
    ):
        add(name, lambda project, *_, work=work: work(project), text)
    add(
        "meltano",
        lambda project, given, rest: commands.call(project, options=rest, company=given.company),
        "call Meltano on the database; further options are its own",
        company=True,
    )
    add(
        "psql",
        lambda project, given, rest: commands.psql(project, demo=given.demo, arguments=rest),
        "open psql; further options are its own",
        demo=True,
    )
    shown = add(
        "dashboard",
        lambda project, given, rest: dashboard.show(
            project, demo=given.demo, port=given.port, arguments=rest
        ),
        "serve the dashboard on this machine; further options: Streamlit's",
        demo=True,
    )
    shown.add_argument("--port", type=int, help="by default the first free one from 8501 on")
    add(
        "notebook",
        lambda project, given, rest: notebook.show(project, demo=given.demo, arguments=rest),
        "open the notebook; further options: Jupyter's",
        demo=True,
    )
    page = add(
        "report",
        lambda project, given, _: notebook.page(project, demo=given.demo, file=given.file),
        "write what the notebook shows as one HTML page",
        demo=True,
    )
    page.add_argument("file", nargs="?", help="by default reports/books.html")
    health = add(
        "check-health",
        lambda project, given, _: alerts.check_health(
            project, changes=given.changes, outcomes=given.outcome
        ),
        "report what is wrong; exit code 1 if anything is",
    )
    health.add_argument(
        "--changes",
        action="store_true",
        help="only problems that opened or closed since the last check",
    )
    health.add_argument(
        "--outcome",
        action="append",
        default=[],
        metavar="JOB=failed|success",
        help="report how a job ended; implies --changes",
    )
    metrics = add(
        "metrics",
        lambda project, given, _: (
            serving.serve(project, demo=given.demo, host=given.host, port=given.port)
            if given.once is None
            else serving.write(project, demo=given.demo, file=given.once)
        ),
        "serve metrics for Prometheus, until stopped",
        demo=True,
    )
    metrics.add_argument("--host", default=serving.HOST, help="by default this machine alone")
    metrics.add_argument("--port", type=int, default=serving.PORT, help="0: any free one")
    metrics.add_argument(
        "--once", nargs="?", const="-", metavar="FILE", help="print them, or write them to a file"
    )
    kept = add(
        "backup",
        lambda project, given, _: backup.backup(project, demo=given.demo, file=given.file),
        "write the books and their bookmarks into one file",
        demo=True,
    )
    kept.add_argument("file", nargs="?", help="by default a new one in the folder backups")
    put_back = add(
        "restore",
        lambda project, given, _: backup.restore(
            project, demo=given.demo, file=given.file, sure=given.yes
        ),
        "replace what the database holds with a backup",
        demo=True,
    )
    put_back.add_argument("file", help="what `make backup` wrote")
    legal = add(
        "fec",
        lambda project, given, _: fec.fec(
            project,
            demo=given.demo,
            wanted=fec.Wanted(
                given.year,
                given.company,
                given.siren,
                given.folder,
                from_lines=given.from_lines,
                renumber=given.renumber,
            ),
        ),
        "write the FEC of a fiscal year; exit code 1 if it does not comply",
        demo=True,
    )
    legal.add_argument("year", nargs="?", help="in which the fiscal year ends, or its last day")
    legal.add_argument("--company", type=int, help="id of the company, if there are several")
    legal.add_argument("--siren", help="the company's SIREN, if Pennylane has another")
    legal.add_argument("--folder", type=Path, default=Path(fec.FOLDER), help="by default fec")
    legal.add_argument(
        "--from-lines", action="store_true", help="even if Pennylane's own file is loaded"
    )
    legal.add_argument(
        "--renumber", action="store_true", help="give the entries of the year new numbers"
    )
    forget = add(
        "forget",
        lambda project, given, _: forgetting.forget(project, sure=given.yes),
        "erase loaded values of personal columns that are no longer loaded",
    )
    removed = add(
        "remove-company",
        lambda project, given, _: removing.remove(project, company=given.company, sure=given.yes),
        "delete everything about a company that left",
    )
    removed.add_argument("company", type=int, help="its id")
    clean = add(
        "clean",
        lambda project, given, _: cleaning.clean(project, sure=given.yes),
        "delete the embedded PostgreSQL with its data",
    )
    for asking in (put_back, forget, removed, clean):
        asking.add_argument("--yes", action="store_true", help="don't ask before data is lost")
    return parser


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        msg = f"{number} is less than 1"
        raise argparse.ArgumentTypeError(msg)
    return number


def _stop(signum: int, _frame: FrameType | None) -> None:
    for each in STOPPING:
        signal.signal(each, signal.SIG_IGN)
    raise Stopped(signum)
