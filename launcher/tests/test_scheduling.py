"""The order in which `make schedule` starts Airflow; orchestrate/tests runs the real one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from conftest import SmallProject

ROOT = Path(__file__).parents[2]
AIRFLOW = f"""#!{sys.executable}
import http.server, json, os, pathlib, sys, time, urllib.request
address = ("127.0.0.1", int(os.environ["AIRFLOW__API__PORT"]))

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        states = {{
            name: {{"status": "healthy" if pathlib.Path(name).exists() else None}}
            for name in ("scheduler", "dag_processor")
        }}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(states).encode())

if sys.argv[1] == "api-server":
    time.sleep(2)
    http.server.HTTPServer(address, Page).serve_forever()
if sys.argv[1] in ("scheduler", "dag-processor"):
    try:
        urllib.request.urlopen("http://%s:%d/" % address)
        found = "answers"
    except OSError as error:
        found = str(error)
    pathlib.Path(sys.argv[1].replace("-", "_")).write_text(found)
    time.sleep(600)
"""


def test_the_page_answers_before_the_scheduler_starts(small: SmallProject) -> None:
    """A step reports to the page from its start on, and one that can't is lost."""
    project = yaml.safe_load((small.folder / "meltano.yml").read_text())
    real = yaml.safe_load((ROOT / "meltano.yml").read_text())["plugins"]["utilities"]
    project["plugins"]["utilities"] += [each for each in real if each["name"] == "airflow"]
    (small.folder / "meltano.yml").write_text(yaml.safe_dump(project))
    program = small.folder / ".cache" / "airflow" / "bin" / "airflow"
    program.parent.mkdir(parents=True)
    program.write_text(AIRFLOW)
    program.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "pennylane_launcher", "schedule"],
        cwd=small.folder,
        env=os.environ | {"AIRFLOW__API__PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        said = []
        for line in process.stdout or ():
            said.append(line)
            if "until Ctrl-C" in line:
                process.send_signal(signal.SIGINT)
    assert process.returncode == 128 + signal.SIGINT, said
    for name in ("scheduler", "dag_processor"):
        assert (small.folder / name).read_text() == "answers"
    small.assert_stopped()
