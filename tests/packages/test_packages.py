"""The packages as others get them: built, checked as on PyPI, installed as documented."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pennylane_sandbox.pytest_plugin import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_sandbox.pytest_plugin import Sandbox

PROJECT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
ENVIRONMENT = {"UV_SYSTEM_CERTS": "true", **os.environ}


@pytest.mark.parametrize(
    "folder", ["tap-pennylane", "transform/mapper-snake-case", "target-postgres-exact"]
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


@pytest.fixture
def company() -> Iterator[Sandbox]:
    with running("--size", "100", "--rate-limit", "none") as sandbox:
        yield sandbox


@pytest.fixture
def shell(tmp_path: Path) -> Callable[..., Path]:
    """Runs commands in a folder beside the repository's parts, and returns that folder."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for part in ("sandbox", "tap-pennylane"):
        (folder / part).symlink_to(PROJECT / part)
    environment = {
        **{name: text for name, text in ENVIRONMENT.items() if not name.startswith("TAP_")},
        "UV_TOOL_DIR": str(tmp_path / "tools"),
        "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
        "PATH": f"{tmp_path / 'bin'}:{UV.parent}:{os.environ['PATH']}",
    }

    def run(*commands: str, **variables: str) -> Path:
        script = "\n".join(["trap 'kill $(jobs -p) 2>/dev/null || true' EXIT", *commands])
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=folder,
            env={**environment, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return folder

    return run


def test_the_commands_of_the_tap_s_readme_work(
    shell: Callable[..., Path], company: Sandbox, free_port: int
) -> None:
    page = (PROJECT / "tap-pennylane" / "README.md").read_text(encoding="utf-8")
    use = page.partition("## Use it on its own")[2].partition("\n## ")[0]
    found = re.findall(r"<!-- (not )?tested.*?-->\n```sh\n(.*?)```", use, re.DOTALL)
    install, own_server, dotenv, maps, flat = (block for untested, block in found if not untested)
    variables = {"TAP_PENNYLANE_API_URL": company.url}
    variables["TAP_PENNYLANE_REQUESTS_PER_WINDOW"] = "100000"
    token = f"TAP_PENNYLANE_API_TOKEN={company.token}"

    assert "uv tool install ./tap-pennylane" in install
    folder = shell(install.replace("TAP_PENNYLANE_API_TOKEN=…", token), **variables)
    assert list(folder.glob("customer_invoices-*.jsonl"))

    (folder / ".env").write_text(f"{token}\n")
    with pytest.raises(AssertionError, match="Setting 'api_token' is missing"):
        shell("tap-pennylane --config=ENV --test", **variables)
    shell(dotenv, **variables)

    for commands in (maps, flat):
        shell(f"export {token}", commands, **variables)
    plain, mapped = (records(folder / name) for name in ("flat.jsonl", "mapped.jsonl"))
    assert all(isinstance(one["emails"], str) for one in plain["customers"])
    assert all("emails" not in one for one in mapped["customers"])
    assert all(len(one["name"]) == 32 for one in mapped["customers"])
    dates = [one["date"] for one in mapped["customer_invoices"]]
    assert dates
    assert all(date >= "2025" for date in dates)
    assert len(mapped["suppliers"]) == len(plain["suppliers"])

    shell(own_server.replace("8787", str(free_port)))


def records(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The records in a file of messages, by stream."""
    found: dict[str, list[dict[str, Any]]] = {}
    for message in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        if message["type"] == "RECORD":
            found.setdefault(message["stream"], []).append(message["record"])
    return found


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
