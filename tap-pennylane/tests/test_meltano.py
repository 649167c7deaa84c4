"""The definition in another Meltano project: by the README's snippet, and by its file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pennylane_sandbox.pytest_plugin import Sandbox

PACKAGE = Path(__file__).parents[1]
REPOSITORY = PACKAGE.parent
BIN = Path(sys.executable).parent
TAP = f'"{PACKAGE}" -c "{REPOSITORY / "constraints.txt"}"'
LOADER = {
    "name": "target-jsonl",
    "namespace": "target_jsonl",
    "pip_url": "target-jsonl==0.1.4",
    "executable": "target-jsonl",
    "settings": [
        {"name": "destination_path", "value": "."},
        {"name": "do_timestamp_file", "value": False},
    ],
}


@pytest.fixture(scope="module")
def hub() -> Iterator[tuple[str, list[str]]]:
    """A stand-in for Meltano Hub: its address, and the requests that it received."""
    asked: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        @override
        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


class Project:
    """A project that `meltano init` created."""

    def __init__(self, folder: Path, hub: str, variables: dict[str, str]) -> None:
        self.folder = folder / "project"
        ours = ("MELTANO_", "TAP_PENNYLANE_", "PYTHON", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self._environment = {
            "UV_SYSTEM_CERTS": "true",
            **kept,
            "MELTANO_HUB_URL": hub,
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            **variables,
        }
        self.meltano("init", str(self.folder), cwd=folder)

    def meltano(self, *arguments: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            [BIN / "meltano", *arguments],
            cwd=cwd or self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def add(self, plugins: dict[str, Any]) -> None:
        path = self.folder / "meltano.yml"
        content = yaml.safe_load(path.read_text())
        for kind, added in plugins.items():
            content.setdefault("plugins", {}).setdefault(kind, []).extend(added)
        path.write_text(yaml.safe_dump(content))

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        return {
            path.stem: [json.loads(line) for line in path.read_text().splitlines()]
            for path in self.folder.glob("*.jsonl")
        }


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox, hub: tuple[str, list[str]]) -> Project:
    variables = {
        "TAP_PENNYLANE_API_URL": sandbox.url,
        "TAP_PENNYLANE_API_TOKEN": sandbox.token,
        "TAP_PENNYLANE_REQUESTS_PER_WINDOW": "100000",
        "TAP_PENNYLANE_WINDOW_SECONDS": "4.5",
        "TAP_PENNYLANE_REFRESH_HOURS": '{"quotes": 24}',
        "TAP_PENNYLANE_MAX_RETRIES": "2",
        "TAP_PENNYLANE_CONCURRENCY": "1",  # so that two reads need the same number of requests
        "TAP_PENNYLANE_FLATTENING_ENABLED": "false",
    }
    return Project(tmp_path, hub[0], variables)


def asked_for_a_default_read(sandbox: Sandbox) -> int:
    """The number of requests that the tap needs without Meltano, with its default selection."""
    before = int(sandbox.stats["total"])
    config = {
        "api_url": sandbox.url,
        "api_token": sandbox.token,
        "requests_per_window": 100000,
        "concurrency": 1,
    }
    done = subprocess.run(
        [BIN / "tap-pennylane", "--config", "/dev/stdin"],
        input=json.dumps(config).encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(sandbox.stats["total"]) - before


def load_and_count(project: Project, sandbox: Sandbox) -> int:
    before = int(sandbox.stats["total"])
    project.meltano("run", "tap-pennylane", "target-jsonl")
    return int(sandbox.stats["total"]) - before


def test_the_snippet_is_all_that_a_project_needs(
    project: Project, sandbox: Sandbox, hub: tuple[str, list[str]]
) -> None:
    page = (PACKAGE / "README.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```yaml\n(plugins:\n.*?)```", page, re.DOTALL)
    plugins = yaml.safe_load(snippet)["plugins"]
    plugins["extractors"][0]["pip_url"] = TAP
    project.add({**plugins, "loaders": [LOADER]})
    project.meltano("install")

    config = json.loads(
        project.meltano("--log-level", "critical", "config", "print", "tap-pennylane")
    )
    assert config["api_url"] == sandbox.url
    assert config["window_seconds"] == "4.5"
    assert config["refresh_hours"] == {"quotes": 24}
    assert config["max_retries"] == "2"
    assert config["flattening_enabled"] is False

    requests = load_and_count(project, sandbox)
    tables = project.tables()
    assert 20 < len(tables) <= 32
    assert {"customer_invoices", "ledger_entry_lines", "sync_log"} <= tables.keys()
    assert not {"customer_contacts", "fec", "quote_invoice_lines"} & tables.keys()
    assert len(tables["customer_invoices"]) == len(sandbox.state("customer_invoices"))
    # `make demo` also reads the default selection: see test_plugin.py.
    assert requests <= asked_for_a_default_read(sandbox)
    assert hub[1] == []


def test_the_file_can_be_added_by_its_path(
    project: Project, sandbox: Sandbox, hub: tuple[str, list[str]]
) -> None:
    definition = yaml.safe_load((PACKAGE / "meltano-plugin.yml").read_text(encoding="utf-8"))
    file = project.folder / "tap.yml"
    file.write_text(yaml.safe_dump({**definition, "pip_url": TAP}))
    project.meltano("add", "--from-ref", str(file), "tap-pennylane")
    project.add({"loaders": [LOADER]})
    project.meltano("install", "loaders")
    said = project.meltano("config", "list", "--all", "tap-pennylane")
    assert "TAP_PENNYLANE_API_URL" in said
    assert "Seconds to wait for a connection, and for a response." in said
    # Meltano takes no `select` from a file: it selects all streams, and the tap spares the costly.
    requests = load_and_count(project, sandbox)
    tables = project.tables()
    assert {"customer_invoices", "ledger_entry_lines", "sync_log"} <= tables.keys()
    assert not {"customer_contacts", "fec", "quote_invoice_lines"} & tables.keys()
    assert len(tables["customers"]) == len(sandbox.state("customers"))
    assert requests <= asked_for_a_default_read(sandbox)
    assert hub[1] == []
