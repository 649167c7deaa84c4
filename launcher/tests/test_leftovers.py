"""What a killed Meltano left behind is removed, and what a living one wrote is not."""

import os
import subprocess
import sys
import time
from pathlib import Path

from pennylane_launcher.running import leftovers


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


def test_a_new_project_has_none(tmp_path: Path) -> None:
    leftovers.clear(tmp_path)
    assert not (tmp_path / ".meltano").exists()
