"""The contracts in pyproject.toml protect the layers: an upward import breaks them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = [
    "dashboard/pennylane_dashboard",
    "launcher/pennylane_launcher",
    "sandbox/pennylane_sandbox",
    "tap-pennylane/tap_pennylane",
    "target-postgres-exact/target_postgres_exact",
    "transform/mapper-snake-case/mapper_snake_case",
]
PARTS = "The parts know nothing of one another, nor of the launcher"
DASHBOARD = "The dashboard's imports go down"
LAUNCHER = "The launcher's imports go down"
TAP = "The tap's imports go down"
API = "The imports of the tap's api go down"
SINGER = "The tap's api knows nothing of Singer"
CIRCLES = "No modules import one another in a circle, nor do packages"
FOR_TYPES = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    "


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and the contracts, in a separate folder."""
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package,
            tmp_path / Path(package).name,
            ignore=shutil.ignore_patterns("__pycache__", "*.json"),
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold(copy: Path) -> None:
    done = _lint(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("pennylane_sandbox/clock.py", "import tap_pennylane.errors", PARTS),
        ("tap_pennylane/errors.py", "import pennylane_sandbox.clock", PARTS),
        ("mapper_snake_case/errors.py", "import tap_pennylane.errors", PARTS),
        ("tap_pennylane/errors.py", "import pennylane_launcher.errors", PARTS),
        ("pennylane_sandbox/clock.py", "import pennylane_sandbox.sandbox", CIRCLES),
        ("mapper_snake_case/errors.py", "import mapper_snake_case.mapper", CIRCLES),
        ("pennylane_dashboard/words.py", "import pennylane_dashboard.view", DASHBOARD),
        ("tap_pennylane/api/query.py", "import tap_pennylane.streams.base", TAP),
        ("tap_pennylane/api/query.py", f"{FOR_TYPES}import tap_pennylane.streams.base", TAP),
        ("tap_pennylane/replication/scan.py", "import tap_pennylane.streams.child", TAP),
        ("tap_pennylane/streams/base.py", f"{FOR_TYPES}import tap_pennylane.tap", TAP),
        ("tap_pennylane/api/limiter.py", "import tap_pennylane.api.client", API),
        ("tap_pennylane/api/client.py", "import singer_sdk", SINGER),
        ("pennylane_launcher/running/killed.py", "import pennylane_launcher.cli", LAUNCHER),
        ("pennylane_launcher/errors.py", f"{FOR_TYPES}import pennylane_launcher.cli", LAUNCHER),
    ],
)
def test_an_import_that_goes_up_breaks_a_contract(
    copy: Path, module: str, line: str, contract: str
) -> None:
    with (copy / module).open("a", encoding="utf-8") as text:
        text.write(f"\n{line}\n")
    done = _lint(copy)
    assert done.returncode == 1, done.stdout
    broken = done.stdout.split("Broken contracts")[1]
    assert contract in broken
    assert Path(module).stem in broken


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-logo", "--no-cache", "--verbose"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
