"""How many rows per second the sandbox serves to a client that only reads.

    uv run python benchmarks/sandbox_throughput.py --size 20000

Reads all pages of `ledger_entry_lines`, 100 rows each, over one or more connections, each reading
a separate id range, and looks only at the answers' lengths and cursors. Prints the start-up time,
rows per second and the server's memory.
"""

import argparse
import http.client
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

CURSOR = re.compile(rb'"next_cursor":"([^"]+)"')
HEADERS = {"Authorization": "Bearer sandbox-token"}
PATH = "/api/external/v2/ledger_entry_lines"


def drain(address: str, bounds: tuple[int, int]) -> None:
    """Read every page of one id range."""
    low, high = bounds
    clauses = [
        {"field": "id", "operator": "gteq", "value": low},
        {"field": "id", "operator": "lt", "value": high},
    ]
    target = f"{PATH}?limit=100&sort=id&filter={quote(json.dumps(clauses))}"
    connection = http.client.HTTPConnection(address)
    cursor = ""
    while True:
        connection.request("GET", target + cursor, headers=HEADERS)
        body = connection.getresponse().read()
        match = CURSOR.search(body, len(body) - 400 if len(body) > 400 else 0)  # noqa: PLR2004 - the tail
        if match is None:
            break
        cursor = f"&cursor={match[1].decode()}"
    connection.close()


def ask(address: str, target: str) -> Any:  # noqa: ANN401 - whatever was asked for
    """Send one request over a separate connection."""
    connection = http.client.HTTPConnection(address)
    connection.request("GET", target, headers=HEADERS)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def memory(pid: int) -> int:
    """Return a process's peak memory, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def drain_all(address: str, connections: int) -> tuple[int, float]:
    """Read every line over a number of connections; return the number of lines and the seconds."""
    ends = [ask(address, f"{PATH}?limit=1&sort={sort}")["items"][0]["id"] for sort in ("id", "-id")]
    step = (ends[1] - ends[0]) // connections + 1
    ranges = [(ends[0] + n * step, ends[0] + (n + 1) * step) for n in range(connections)]
    threads = [threading.Thread(target=drain, args=(address, one)) for one in ranges]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    return ask(address, "/sandbox/stats")["rows"]["/ledger_entry_lines"] - len(ends), took


class Server(NamedTuple):
    """A running sandbox."""

    address: str
    pid: int
    started: float
    """Seconds that it took to start."""


@contextmanager
def serving(size: int, *options: str) -> Iterator[Server]:
    """Run a sandbox of this size, without a rate limit, for the duration of the block."""
    command = [str(Path(sys.executable).with_name("pennylane-sandbox")), "--port", "0"]
    command += ["--size", str(size), "--rate-limit", "none", *options]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            started = time.perf_counter() - began
            yield Server(urlsplit(line.split(": ", 1)[1].strip()).netloc, process.pid, started)
        finally:
            process.terminate()


def main() -> None:
    """Measure and print one line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=1)
    options = parser.parse_args()
    with serving(options.size) as server:
        rows, took = drain_all(server.address, options.connections)
        peak = memory(server.pid)
    sys.stdout.write(
        f"{options.size} lines: ready in {server.started:.1f} s; {rows} rows in {took:.2f} s = "
        f"{rows / took:,.0f} rows/s over {options.connections} connections; {peak} MiB\n"
    )


if __name__ == "__main__":
    main()
