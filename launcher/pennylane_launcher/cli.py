"""The command line behind the Makefile: demo, run, check-health and the others."""

import argparse
import io
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import psycopg

from pennylane_launcher import alerts, commands, scheduling
from pennylane_launcher.errors import LauncherError

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PASSING_ON = {"run", "meltano", "psql", "notebook"}


class Stopped(BaseException):
    """A signal asks the program to end; what it started is ended on the way out."""

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
    for signum in STOPPING:
        # What the caller chose to ignore, as `nohup` does, stays ignored.
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, _stop)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    try:
        return _call(given, rest, project)
    except LauncherError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except psycopg.Error as error:
        print(f"PostgreSQL failed: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    except Stopped as stopped:
        name = signal.Signals(stopped.signum).name
        print(f"Stopped by {name}; everything that was started is stopped.", file=sys.stderr)
        return 128 + stopped.signum
    except BrokenPipeError:
        # Nobody reads on; without this Python complains once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _call(given: argparse.Namespace, rest: Sequence[str], project: Path) -> int:
    match given.command:
        case "demo":
            return commands.demo(project, seed=given.seed, size=given.size)
        case "run" | "meltano":
            work = commands.run if given.command == "run" else commands.call
            return work(project, options=rest)
        case "step":
            return scheduling.step(project, given.blocks.split())
        case "psql" | "notebook":
            show = commands.psql if given.command == "psql" else commands.notebook
            return show(project, demo=given.demo, arguments=rest)
        case "check-health":
            return alerts.check_health(project, changes=given.changes, outcomes=given.outcome)
        case name:
            plain = {
                "schedule": scheduling.schedule,
                "up": commands.up,
                "down": commands.down,
                "clean": commands.clean,
            }
            return plain[name](project)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pennylane-launcher", description=__doc__)
    names = parser.add_subparsers(dest="command", required=True)
    demo = names.add_parser("demo", help="load the sandbox's made-up company")
    demo.add_argument("--size", type=int, default=2000, help="number of ledger entry lines")
    demo.add_argument("--seed", type=int, default=1, help="the same seed, the same company")
    names.add_parser("run", help="load your company; further options are those of `meltano run`")
    names.add_parser("schedule", help="run the schedules of meltano.yml, by Airflow, until stopped")
    step = names.add_parser("step", help="run one step of a job; 78: trying again is of no use")
    step.add_argument("blocks", help='as in meltano.yml, like "tap-pennylane target-postgres"')
    names.add_parser("up", help="make the database ready for Meltano by hand")
    names.add_parser("down", help="stop the embedded PostgreSQL")
    names.add_parser("meltano", help="call Meltano on the database; further options are its own")
    psql = names.add_parser("psql", help="open psql; further options are its own")
    psql.add_argument("--demo", action="store_true", help="on the demo's database")
    notebook = names.add_parser("notebook", help="open the notebook; further options: Jupyter's")
    notebook.add_argument("--demo", action="store_true", help="on the demo's database")
    health = names.add_parser("check-health", help="say what is wrong; exit code 1 if anything is")
    health.add_argument(
        "--changes", action="store_true", help="only what opened or closed since the last time"
    )
    health.add_argument(
        "--outcome",
        action="append",
        default=[],
        metavar="JOB=failed|success",
        help="report how a job ended; implies --changes",
    )
    names.add_parser("clean", help="delete the embedded PostgreSQL with its data")
    return parser


def _stop(signum: int, _frame: FrameType | None) -> None:
    for each in STOPPING:
        signal.signal(each, signal.SIG_IGN)
    raise Stopped(signum)
