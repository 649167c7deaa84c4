"""What a killed Meltano left behind is removed, and what a living one wrote is not."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from pennylane_launcher.running import leftovers, processes

CHILD = """
import os, signal, subprocess, sys, time
def end(*_):
    open("ended", "w")
    sys.exit()
signal.signal(signal.SIGTERM, end)
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(os.getpid(), other.pid, flush=True)
time.sleep(600)
"""


def test_the_settings_of_dead_runs_are_removed(tmp_path: Path) -> None:
    run = tmp_path / ".meltano" / "run"
    old, other = run / "tap" / "tap.1.config.json", run / "tap" / "tap.properties.json"
    old.parent.mkdir(parents=True)
    for file in (old, other):
        file.write_text("{}")
        os.utime(file, (time.time() - 60, time.time() - 60))
    program = tmp_path / "meltano"
    program.write_text("import time; time.sleep(60)")
    with subprocess.Popen([sys.executable, str(program)], cwd=tmp_path) as living:
        new = run / "tap" / "tap.2.config.json"
        new.write_text("{}")
        os.utime(new, (time.time() + 5, time.time() + 5))
        leftovers.clear(tmp_path)
        assert {file.name for file in old.parent.iterdir()} == {new.name, other.name}
        assert run.stat().st_mode & 0o777 == 0o700
        living.kill()
    os.utime(new, (time.time() - 60, time.time() - 60))
    leftovers.clear(tmp_path)
    assert [file.name for file in old.parent.iterdir()] == [other.name]


def test_what_a_child_writes_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-c", "open('written', 'w'); import os; os.mkdir('folder')"]
    monkeypatch.chdir(tmp_path)
    with processes.child(command, environment=os.environ) as process:
        process.wait()
    assert (tmp_path / "written").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o700


def test_a_new_project_has_none(tmp_path: Path) -> None:
    leftovers.clear(tmp_path)
    assert not (tmp_path / ".meltano").exists()


def test_the_children_of_a_killed_program_end(tmp_path: Path) -> None:
    """With theirs, and without waiting for anybody."""
    program = f"""
import os, sys, time
from pennylane_launcher.running import processes
with processes.child([sys.executable, "-c", {CHILD!r}], environment=os.environ) as child:
    print(child.stdout.readline(), flush=True)
    time.sleep(600)
"""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path, text=True) as parent:
        assert parent.stdout
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        children = [psutil.Process(pid) for pid in pids]
        parent.kill()
        _, left = psutil.wait_procs(children, timeout=10)
    assert left == []
    assert (tmp_path / "ended").exists()
