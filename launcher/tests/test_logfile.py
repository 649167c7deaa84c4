"""The log file of `logging.yaml`: many writers, rotation, no secret; and a brief console."""

import json
import logging
import logging.config
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pennylane_launcher import logfile, meltano

ROOT = Path(__file__).parents[2]
TOKEN = 'tok"en-é-5c1d'  # noqa: S105
WRITER = """
import logging.config, sys, yaml
config = yaml.safe_load(open("logging.yaml"))
config["handlers"]["file"] |= {"maxBytes": 20000, "backupCount": 100}
config["root"]["handlers"] = ["file"]
logging.config.dictConfig(config)
for number in range(300):
    logging.getLogger("tap").info("writer %s line %d of %s", sys.argv[1], number, sys.argv[2])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "logging.yaml").write_text((ROOT / "logging.yaml").read_text())
    (tmp_path / ".env").write_text(f"TAP_PENNYLANE_API_TOKEN='{TOKEN}'\n")
    return tmp_path


def test_several_writers_lose_nothing_when_it_rotates(folder: Path) -> None:
    command = [sys.executable, "-c", WRITER]
    writers = [
        subprocess.Popen([*command, str(number), TOKEN], cwd=folder, env=os.environ)
        for number in range(3)
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    files = sorted((folder / "logs").glob("tap-pennylane.log*"))
    assert len(files) > 3
    assert all(file.stat().st_size < 21000 for file in files)
    lines = [json.loads(line)["event"] for file in files for line in file.read_text().splitlines()]
    assert sorted(lines) == sorted(
        f"writer {writer} line {number} of ***" for writer in range(3) for number in range(300)
    )


def test_without_a_place_to_write_to_meltano_runs_all_the_same(folder: Path) -> None:
    (folder / "meltano.yml").write_text("project_id: test\nsend_anonymous_usage_stats: false\n")
    (folder / "logs").write_text("no folder")
    done = subprocess.run(
        meltano.command("schedule", "list"),
        cwd=folder,
        env=meltano.python(os.environ) | {"MELTANO_DATABASE_URI": f"sqlite:///{folder}/meltano.db"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_warnings_are_on_the_console_whatever_they_are() -> None:
    brief = logfile.Brief()

    def passes(event: object, level: int = logging.INFO) -> bool:
        record = logging.LogRecord("name", level, "", 0, event, None, None)
        return brief.filter(record)

    metric: dict[str, Any] = {"event": "METRIC", "metric_info": {}}
    assert passes({"event": "Ended 'customers': success"})
    assert passes("plain")
    assert not passes(metric)
    assert passes(metric, logging.WARNING)


def test_the_launcher_s_copy_keeps_what_else_is_logged(folder: Path) -> None:
    config = yaml.safe_load((folder / "logging.yaml").read_text())
    config["handlers"]["console"]["level"] = "CRITICAL"
    (folder / "logging.yaml").write_text(yaml.safe_dump(config))
    option, copy = meltano.json_log(folder)
    made = yaml.safe_load(Path(copy).read_text())
    assert option == "--log-config"
    assert made["handlers"]["file"] == config["handlers"]["file"]
    assert made["handlers"]["console"]["level"] == "INFO"
    (folder / "logging.yaml").unlink()
    assert meltano.json_log(folder) == ["--log-format", "json"]
