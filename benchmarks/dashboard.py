"""How long the dashboard's pages take with large books, for one person and for many at once.

    .venv/bin/python benchmarks/dashboard.py --size 1000000   # loads first: a few minutes
    .venv/bin/python benchmarks/dashboard.py --loaded         # again, on what was loaded before

Uses the books of `benchmarks/marts.py`. Opens each page in Chromium, which takes its share of the
time: the seconds until the first figure is shown, until the page is complete, and until it is
complete again with another period. Then opens the overview in many sessions at once, without
browsers (`sessions.py`), and prints the memory of the app. Needs `make dashboard` to have been used
once, and Debian's chromium.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import psutil
from marts import PROJECT, books
from pennylane_launcher.postgres import embedded
from playwright.sync_api import Browser, Page, sync_playwright

PAGES = (
    *("", "results", "balance", "cash", "customers", "suppliers"),
    *("vat", "controls", "history", "ledger", "pipeline"),
)
WITH_PERIOD = PAGES[:7]
STREAMLIT = PROJECT / ".cache" / "dashboard" / "bin" / "python"
YEAR, MONTH = "2025-01-01", "2025-03"
FIGURE = "table[data-name] tbody td, .figure, [data-testid=stAlert]"
IS_DRAWN = "[data-testid=stApp][data-test-script-state=notRunning]"
PATIENCE = 60_000
"""Milliseconds."""


@contextmanager
def served(url: str) -> Iterator[tuple[str, psutil.Process]]:
    """Serve the dashboard on a database; yields its address and its process."""
    parts = urlsplit(url)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    postgres = {
        "POSTGRES_HOST": parse_qs(parts.query)["host"][0],
        "POSTGRES_USER": str(parts.username),
        "POSTGRES_DB": parts.path.lstrip("/"),
    }
    command = [sys.executable, "-m", "pennylane_launcher", "dashboard", f"--port={port}"]
    with subprocess.Popen(
        command, cwd=PROJECT, env=os.environ | postgres, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            if process.stdout is None or not process.stdout.readline():
                sys.exit("The dashboard did not start.")
            # The address is printed before the app listens there.
            while process.poll() is None:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            (app,) = psutil.Process(process.pid).children()
            yield f"http://127.0.0.1:{port}", app
        finally:
            process.terminate()


def opened(page: Page, address: str) -> tuple[float, float]:
    """Open a page; return the seconds to its first figure, and until it is complete."""
    began = time.monotonic()
    page.goto(address, timeout=PATIENCE)
    page.locator(FIGURE).first.wait_for(timeout=PATIENCE)
    first = time.monotonic() - began
    page.wait_for_selector(IS_DRAWN, timeout=PATIENCE)
    return first, time.monotonic() - began


def measure(browser: Browser, address: str) -> None:
    """Print the seconds of each page."""
    print("| Page | first figure | complete | with another period |\n|---|---|---|---|")
    for name in PAGES:
        with browser.new_context(locale="en-GB") as context:
            page = context.new_page()
            opened(page, f"{address}/pipeline")  # the browser has the program by now
            query = f"?year={YEAR}" if name in WITH_PERIOD else ""
            first, complete = opened(page, f"{address}/{name}{query}")
            again = "-"
            if name in WITH_PERIOD:
                again = f"{opened(page, f'{address}/{name}{query}&period={MONTH}')[1]:.1f}"
        print(f"| {name or 'overview'} | {first:.1f} | {complete:.1f} | {again} |", flush=True)


def crowd(address: str, sessions: int) -> None:
    """Open the overview in many sessions at once, and print how long the last one waits."""
    program = PROJECT / "benchmarks" / "sessions.py"
    command = [str(STREAMLIT), str(program), address, f"year={YEAR}", str(sessions)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    first, complete = done.stdout.split()
    print(f"{sessions} sessions at once: first figures {first} s, complete {complete} s")


def main() -> None:
    """Load, open, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000, help="ledger entry lines")
    parser.add_argument("--loaded", action="store_true", help="use what was loaded before")
    parser.add_argument("--sessions", type=int, default=20)
    given = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        sys.exit("There is no chromium on PATH: apt-get install chromium")
    with embedded.server(PROJECT / ".embedded") as server:
        url = books(server, None if given.loaded else given.size)
        with served(url) as (address, app), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            measure(browser, address)
            browser.close()
            crowd(address, given.sessions)
            print(f"Memory of the app: {app.memory_info().rss / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
