"""The log file of `logging.yaml`: many writers, rotation, no secret; and a brief console."""

from __future__ import annotations

import json
import logging
import logging.config
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pennylane_launcher import meltano
from pennylane_launcher.running import logfile
from pennylane_launcher.running.progress import Progress

if TYPE_CHECKING:
    from conftest import Books

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


def test_how_each_table_of_a_run_ended_is_in_the_log_and_on_the_console(books: Books) -> None:
    books.sandbox.fault("/journals", "status", status=403)
    try:
        done = books.load()
    finally:
        books.sandbox.clear_faults()
    assert books.load().returncode == 0
    runs = "select run_id::text from meltano.runs order by id desc limit 1 offset 1"
    ((run,),) = books.execute(runs)
    lines = [line for line in books.log() if line.get("run_id") == run]
    ended = {line["stream"]: line for line in lines if line["event"].startswith("Ended ")}
    tables = books.execute("select table_name from pennylane.sync_metadata")
    assert ended.keys() == {name for (name,) in tables}
    failed = ended["journals"]
    assert (failed["status"], failed["requests"]) == ("failed", 1)
    assert "403" in failed["error"]
    assert {"seconds_waited", "rate_limited", "records", "tombstones", "mode"} <= failed.keys()
    assert ended["customers"]["status"] == "success"
    assert ended["bank_establishments"]["mode"] == "not due"
    assert {"tap-pennylane", "target-postgres", "mapper-snake-case"} <= {
        line.get("name") for line in lines
    }
    shown = done.stdout + done.stderr
    assert "tap-pennylane Stream 'journals' failed: " in shown
    assert not any(word in shown for word in ("METRIC", "Inserting with SQL", '{"', "\x1b["))


def test_dbt_is_in_the_log_and_a_token_is_not(books: Books) -> None:
    with books.wrong_debit():
        assert books.meltano("dbt:test").returncode == 1
    books.execute("delete from pennylane_logs.pennylane_test_runs where failed <> '{}'")
    said = [line["event"] for line in books.log() if line.get("name") == "dbt"]
    assert any(line.startswith("Account ") for line in said)
    text = (books.folder / "logs" / "tap-pennylane.log").read_text()
    assert books.sandbox.token not in text


def test_the_progress_counts_the_requests_that_the_tap_reports(books: Books) -> None:
    assert books.load().returncode == 0
    lines = books.log()
    run = lines[-1]["run_id"]
    progress = Progress(str)
    for line in lines:
        if line.get("run_id") == run:
            progress.feed(json.dumps(line))
    asked = sum(
        line["requests"]
        for line in lines
        if line.get("run_id") == run and line["event"].startswith("Ended ")
    )
    assert progress.requests >= asked > 0
