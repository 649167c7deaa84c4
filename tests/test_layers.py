"""The contracts in pyproject.toml hold the layers: an import that goes up turns them red."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = [
    "launcher/pennylane_launcher",
    "sandbox/pennylane_sandbox",
    "tap-pennylane/tap_pennylane",
    "target-postgres-exact/target_postgres_exact",
    "transform/mapper-snake-case/mapper_snake_case",
]
FOR_TYPES = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    "


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and the contracts, in a folder of their own."""
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
    ("module", "line"),
    [
        ("pennylane_sandbox/clock.py", "import tap_pennylane.errors"),
        ("tap_pennylane/errors.py", "import pennylane_sandbox.clock"),
        ("mapper_snake_case/errors.py", "import tap_pennylane.errors"),
        ("tap_pennylane/errors.py", "import pennylane_launcher.errors"),
        ("pennylane_sandbox/clock.py", "import pennylane_sandbox.sandbox"),
        ("mapper_snake_case/errors.py", "import mapper_snake_case.mapper"),
        ("pennylane_launcher/errors.py", "import pennylane_launcher.cli"),
        ("pennylane_launcher/errors.py", f"{FOR_TYPES}import pennylane_launcher.cli"),
    ],
)
def test_an_import_that_goes_up_breaks_a_contract(copy: Path, module: str, line: str) -> None:
    with (copy / module).open("a", encoding="utf-8") as text:
        text.write(f"\n{line}\n")
    done = _lint(copy)
    assert done.returncode == 1, done.stdout
    assert "1 broken" in done.stdout
    assert Path(module).stem in done.stdout.split("Broken contracts")[1]


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-logo", "--no-cache", "--verbose"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
