"""How quickly the sandbox starts with the companies of a firm, and how much memory they take.

    uv run python benchmarks/sandbox_firm.py --companies 1000 --size 500

Books are made when they are first read: this reads all lines of every company, then changes an
invoice and reads the changelog in every company. Prints the seconds of each step, and the
sandbox's memory after it.
"""

import argparse
import http.client
import json
import sys
import time
from typing import Any

from sandbox_throughput import memory, serving

API = "/api/external/firm/v1/companies"
HEADERS = {"Authorization": "Bearer sandbox-firm-token"}


class Client:
    """One connection to the sandbox."""

    def __init__(self, address: str) -> None:
        """Connect."""
        self._connection = http.client.HTTPConnection(address)

    def ask(self, method: str, target: str, body: object = None) -> Any:  # noqa: ANN401 - any JSON
        """Send one request."""
        sent = json.dumps(body) if body is not None else None
        self._connection.request(method, target, sent, HEADERS)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 400:  # noqa: PLR2004 - refused
            sys.exit(f"{method} {target}: {answer.status} {text.decode()}")
        return json.loads(text)

    def companies(self) -> list[int]:
        """Return the ids of all companies."""
        page = self.ask("GET", f"{API}?per_page=1000")
        ids = [one["id"] for one in page["items"]]
        for number in range(2, page["total_pages"] + 1):
            more = self.ask("GET", f"{API}?per_page=1000&page={number}")
            ids += [one["id"] for one in more["items"]]
        return ids

    def read(self, company_id: int) -> int:
        """Read all lines of a company; return their number."""
        path, cursor, rows = f"{API}/{company_id}/ledger_entry_lines?limit=100", "", 0
        while True:
            page = self.ask("GET", path + cursor)
            rows += len(page["items"])
            if not page["has_more"]:
                return rows
            cursor = f"&cursor={page['next_cursor']}"

    def change(self, company_id: int) -> int:
        """Make an invoice in a company, and return the number of events that tell of it."""
        wanted = {"resource": "customer_invoices", "create": 1}
        self.ask("POST", f"/sandbox/companies/{company_id}/changes", wanted)
        path = f"{API}/{company_id}/changelogs/customer_invoices"
        return len(self.ask("GET", path)["items"])


def main() -> None:
    """Measure and print one line per step."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--companies", type=int, default=1_000)
    parser.add_argument("--size", type=int, default=500)
    options = parser.parse_args()
    with serving(options.size, "--companies", str(options.companies)) as server:
        _tell(f"{options.companies:,} companies: ready", server.started, memory(server.pid))
        client = Client(server.address)
        ids = client.companies()
        for text, step in (("lines read", client.read), ("events read", client.change)):
            began = time.perf_counter()
            count = sum(step(one) for one in ids)
            _tell(f"{count:,} {text}", time.perf_counter() - began, memory(server.pid))


def _tell(text: str, seconds: float, mebibytes: int) -> None:
    sys.stdout.write(f"{text}: {seconds:.1f} s, {mebibytes:,} MiB\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
