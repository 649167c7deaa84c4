"""`make demo` as a user calls it, with the real sandbox and PostgreSQL, and how it fails."""

from __future__ import annotations

import fcntl
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from conftest import SmallProject

TOKEN = "a-very-secret-token"  # noqa: S105


@contextmanager
def sleeping_demo(
    small: SmallProject,
) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """A demo that hangs in the middle, and all that it started."""
    small.behave('pathlib.Path("asleep").touch(); time.sleep(600)')
    with small.asleep("demo", "--size", "100") as process:
        started = psutil.Process(process.pid).children(recursive=True)
        assert {"pennylane-sandbox", "meltano", "tap"} <= {
            Path(word).name for child in started for word in child.cmdline()
        }
        yield process, started


def test_the_demo_takes_nothing_from_the_user_s_settings(small: SmallProject) -> None:
    (small.folder / ".env").write_text(
        f"MELTANO_ENVIRONMENT=prod\nTAP_PENNYLANE_API_TOKEN={TOKEN}\nPOSTGRES_HOST=nowhere\n"
        "TAP_PENNYLANE_API_URL=http://file\nMELTANO_DATABASE_URI=sqlite:///wrong.db\n"
    )
    small.behave("print('read:', pathlib.Path('.env').read_text(), file=sys.stderr)")
    result = small.launch("demo", "--size", "100",
        TARGET_POSTGRES_HOST="nowhere", TAP_PENNYLANE_API_URL="http://environment",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert (small.folder / "seen").read_text().startswith("http://127.0.0.1:")
    assert not (small.folder / "wrong.db").exists()
    assert "TAP_PENNYLANE_API_TOKEN=***" in result.stdout
    assert TOKEN not in result.stdout + result.stderr
    small.assert_stopped()


def test_a_failing_demo_stops_what_it_started(small: SmallProject) -> None:
    small.behave("sys.exit(3)")
    result = small.launch("demo", "--size", "100")
    assert result.returncode == 1
    assert "The run failed after " in result.stderr
    small.assert_stopped()


def test_a_second_demo_says_so_in_one_sentence(small: SmallProject) -> None:
    (small.folder / ".meltano").mkdir()
    with (small.folder / ".meltano" / "launcher.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = small.launch("demo")
    assert result.returncode == 1
    assert result.stderr == (
        "Another `make demo` or `make run` is running in this folder: wait for it to end.\n"
    )
    assert not (small.folder / ".embedded").exists()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(small: SmallProject, signum: signal.Signals) -> None:
    with sleeping_demo(small) as (process, started):
        process.send_signal(signum)
        _, errors = process.communicate()
    assert process.returncode == 128 + signum
    assert errors == f"Stopped by {signum.name}; all child processes have ended.\n"
    _, alive = psutil.wait_procs(started, timeout=10)
    assert not alive
    small.assert_stopped()


def test_a_sandbox_that_dies_ends_the_demo(small: SmallProject) -> None:
    with sleeping_demo(small) as (process, started):
        for child in started:
            if any(word.endswith("/pennylane-sandbox") for word in child.cmdline()):
                child.kill()
        _, errors = process.communicate()
    assert process.returncode == 1
    assert errors == "The sandbox ended in the middle of the demo, with exit code -9.\n"
    _, alive = psutil.wait_procs(started, timeout=10)
    assert not alive
    small.assert_stopped()
