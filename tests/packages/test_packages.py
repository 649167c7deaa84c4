"""The packages as others get them: built, checked as PyPI would, installed as documented."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pennylane_sandbox.pytest_plugin import Sandbox

PROJECT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
ENVIRONMENT = {"UV_SYSTEM_CERTS": "true", **os.environ}


@pytest.mark.parametrize(
    "folder", ["tap-pennylane", "transform/mapper-snake-case", "postgresql-exact"]
)
def test_a_package_could_be_published(folder: str, tmp_path: Path) -> None:
    build: list[str | Path] = [UV, "build", "--quiet", "--out-dir", tmp_path, PROJECT / folder]
    subprocess.run(build, env=ENVIRONMENT, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    (source,) = tmp_path.glob("*.tar.gz")
    check: list[str | Path] = [
        UV,
        "tool",
        "run",
        "twine==7.0.0",
        "check",
        "--strict",
        wheel,
        source,
    ]
    done = subprocess.run(check, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("PASSED") == 2

    licence = (PROJECT / "LICENSE").read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (name,) = (name for name in names if name.endswith(".dist-info/licenses/LICENSE"))
        assert archive.read(name) == licence
        (name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(name).decode()
    with tarfile.open(source) as sources:
        assert any(name.endswith("/LICENSE") for name in sources.getnames())
    assert "\nLicense-Expression: MIT\n" in metadata
    assert "\nAuthor: The tap-pennylane authors\n" in metadata
    assert "\nProject-URL: Repository, https://" in metadata
    assert "\nClassifier: Programming Language :: Python :: 3.11\n" in metadata


def test_the_taps_readme_begins_with_commands_that_work(tmp_path: Path, sandbox: Sandbox) -> None:
    page = (PROJECT / "tap-pennylane" / "README.md").read_text(encoding="utf-8")
    use = page.partition("## Use it alone")[2]
    install, *_ = re.findall(r"```sh\n(.*?)```", use, re.DOTALL)
    commands = install.replace("API_TOKEN=…", f"API_TOKEN={sandbox.token}")
    assert "uv tool install ./tap-pennylane" in commands
    environment = {
        **ENVIRONMENT,
        "UV_TOOL_DIR": str(tmp_path / "tools"),
        "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
        "PATH": f"{tmp_path / 'bin'}:{UV.parent}:{os.environ['PATH']}",
        "TAP_PENNYLANE_API_URL": sandbox.url,
        "TAP_PENNYLANE_REQUESTS_PER_WINDOW": "100000",
    }
    # From a folder beside the repository's parts, so that nothing is written into it.
    here = tmp_path / "clone"
    here.mkdir()
    (here / "tap-pennylane").symlink_to(PROJECT / "tap-pennylane")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=here,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(here.glob("customer_invoices-*.jsonl"))
