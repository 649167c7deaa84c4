"""The Meltano project as Meltano itself understands it, with the hub out of reach."""

import json
import os
import shutil
import subprocess
from fnmatch import fnmatch
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values
from pennylane_launcher import meltano

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "meltano.yml", tmp_path)
    return tmp_path


def config(project: Path, plugin: str, **environment: str) -> dict[str, Any]:
    base = {
        name: value
        for name, value in meltano.python(os.environ).items()
        if not name.startswith(meltano.OURS)
    }
    result = subprocess.run(
        meltano.command("--log-level", "error", "config", "--unsafe", "print", plugin),
        cwd=project,
        env=base
        | {
            "MELTANO_DATABASE_URI": f"sqlite:///{project}/meltano.db",
            "MELTANO_HUB_URL": "http://127.0.0.1:9",
        }
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_by_itself_it_loads_into_the_embedded_postgres(project: Path) -> None:
    found = config(project, "target-postgres", MELTANO_ENVIRONMENT="dev")
    assert found["sqlalchemy_url"] == (
        f"postgresql+exact://postgres@/pennylane?host={project}/.embedded/run"
    )
    assert found["default_target_schema"] == "pennylane"
    assert (found["load_method"], found["hard_delete"]) == ("upsert", False)


def test_the_file_chooses_and_the_environment_wins(project: Path) -> None:
    (project / ".env").write_text(
        "MELTANO_ENVIRONMENT=prod\nPOSTGRES_HOST=file\nPOSTGRES_PORT=5433\nPOSTGRES_USER=me\n"
        "POSTGRES_PASSWORD='a b$C%d'\nPOSTGRES_DB=books\nTAP_PENNYLANE_API_TOKEN=file\n"
    )
    found = config(project, "target-postgres", POSTGRES_HOST="environment")
    assert "sqlalchemy_url" not in found
    names = ("host", "port", "user", "password", "database")
    assert [found[name] for name in names] == ["environment", 5433, "me", "a b$C%d", "books"]
    tap = config(
        project,
        "tap-pennylane",
        TAP_PENNYLANE_API_TOKEN="shell",  # noqa: S106
        TAP_PENNYLANE_REFRESH_HOURS='{"quotes": 24}',
    )
    assert tap["api_token"] == "shell"  # noqa: S105
    assert tap["refresh_hours"] == {"quotes": 24}
    (project / ".env").unlink()


def test_the_example_s_line_with_the_fec_is_all_that_is_on_by_default_and_the_fec() -> None:
    example = dotenv_values(
        stream=StringIO((ROOT / ".env.example").read_text().replace("#TAP_", "TAP_"))
    )
    patterns = json.loads(example["TAP_PENNYLANE__SELECT"] or "")
    assert patterns[0] == "*.*"
    (tap,) = yaml.safe_load((ROOT / "meltano.yml").read_text())["plugins"]["extractors"]
    off = {pattern.lstrip("!") for pattern in tap["select"] if pattern.startswith("!")}
    names = {f"{path.stem}.*" for path in (ROOT / "tap-pennylane").glob("*/schemas/*.json")}
    assert off < names
    left_out = {
        name for name in names if any(fnmatch(name, pattern[1:]) for pattern in patterns[1:])
    }
    assert left_out == off - {"fec.*"}


def test_every_variable_of_the_example_is_read_by_something() -> None:
    example = (ROOT / ".env.example").read_text()
    names = {text.split("=")[0].strip("# ") for text in example.splitlines() if "=" in text}
    assert {"TAP_PENNYLANE_API_TOKEN", "POSTGRES_HOST", "MELTANO_DATABASE_URI"} <= names
    others = ("AIRFLOW_", "ALERT_", "DASHBOARD_", "HEALTH_", "METRICS_", "SCHEDULE_", "SMTP_")
    read = (*meltano.OURS, *others)
    assert all(name.startswith(read) for name in names if name.isupper())
