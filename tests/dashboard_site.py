"""The dashboard as `make dashboard` starts it, and a page of it in a real browser."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from pennylane_dashboard import formats
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page

    from pipelines import Pipeline

PROJECT = Path(__file__).parents[1]
APP = PROJECT / ".cache" / "dashboard" / "bin" / "streamlit"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NOBODY = "<img src=x onerror=alert(1)> & fils"
"""Name of a supplier whose invoice is open."""
FITS = """() => [document.documentElement, document.querySelector('[data-testid=stMain]')]
    .every(part => part.scrollWidth <= part.clientWidth)"""
"""Nothing scrolls sideways but tables."""
YEAR = "2025-01-01"
MANY = 60
"""Presses of a key: more than a page without links in its tables has places for the focus."""
PATIENCE = 120_000
"""Milliseconds: the machine may be busy."""


@dataclass
class Site:
    """A dashboard, started as `make dashboard` starts it, in a browser."""

    url: str
    page: Page
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str, **parameters: str) -> Page:
        """Open a page, and wait until it is drawn."""
        query = "&".join(f"{name}={quote(text)}" for name, text in parameters.items())
        self.page.goto(f"{self.url}/{path}?{query}")
        return self.drawn()

    def drawn(self) -> Page:
        """Wait until the page is drawn."""
        expect(self.page.locator("h1")).to_be_visible()
        self.page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
        return self.page

    def follow(self, link: Locator) -> None:
        """Click a link within a table or beside it, and wait until its page is drawn."""
        with self.page.expect_navigation():
            link.click()
        self.drawn()

    def rows(self, name: str) -> list[list[str]]:
        """The cells of a table, without the lines above groups."""
        table = self.page.locator(f"table[data-name={name}]")
        expect(table).to_be_visible()
        found: list[list[str]] = table.evaluate(
            "table => [...table.querySelectorAll('tbody tr:not(.group)')]"
            ".map(row => [...row.children].map(cell => cell.innerText.replace(/\\u00a0/g, ' ')))"
        )
        return found

    def faults(self) -> list[str]:
        """What axe-core finds that keeps somebody from using the page."""
        self.page.evaluate(AXE_SCRIPT)
        return [
            f"{found['id']}: {node['target']}"
            for found in self.page.evaluate("axe.run(document)")["violations"]
            if found["impact"] in {"serious", "critical"}
            for node in found["nodes"]
        ]

    def tab_to(self, role: str, name: str) -> None:
        """Press Tab until something has the focus, from the top of the page."""
        wanted = self.page.get_by_role(role, name=name).first  # type: ignore[arg-type]
        self.page.evaluate("document.activeElement.blur()")
        for _ in range(MANY):
            self.page.keyboard.press("Tab")
            if wanted.evaluate("element => element === document.activeElement"):
                return
            if self.page.evaluate("document.activeElement === document.body"):
                break
        pytest.fail(f"Tab does not reach {name}")

    def sentence(self) -> str:
        """The only message of the page."""
        expect(self.page.get_by_test_id("stAlert")).to_have_count(1)
        return self.page.get_by_test_id("stAlert").inner_text()

    def complain(self, message: ConsoleMessage) -> None:
        """Note an error on the console."""
        # Streamlit looks for its own endpoints below the page's address first.
        if message.type == "error" and "/_stcore/" not in str(message.location.get("url")):
            self.complaints.append(message.text)


@contextmanager
def served(
    pipeline: Pipeline, browser: Browser, locale: str = "fr-FR", **settings: str
) -> Iterator[Site]:
    """The dashboard on a database, ended by Ctrl-C; with settings, at an address of its own."""
    parts = urlsplit(pipeline.url)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pennylane_launcher", "dashboard", f"--port={port}"]
    postgres = {
        "POSTGRES_HOST": parse_qs(parts.query)["host"][0],
        "POSTGRES_USER": str(parts.username),
        "POSTGRES_DB": parts.path.lstrip("/"),
    }
    if settings:
        settings["DASHBOARD_URL"] = f"http://127.0.0.1:{port}"
    with (
        subprocess.Popen(
            command,
            cwd=PROJECT,
            env=os.environ | postgres | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process,
        browser.new_context(locale=locale, viewport={"width": 1280, "height": 900}) as context,
    ):
        try:
            assert process.stdout
            line = process.stdout.readline()
            url = f"http://127.0.0.1:{port}"
            assert f"The dashboard: {url} (on this machine only" in line
            for _ in range(600):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            context.set_default_timeout(PATIENCE)
            expect.set_options(timeout=PATIENCE)
            site = Site(url, context.new_page())
            site.page.on("console", site.complain)
            site.page.on("pageerror", lambda error: site.complaints.append(str(error)))
            yield site
        finally:
            os.killpg(process.pid, signal.SIGINT)
            _, log = process.communicate(timeout=60)
    assert "Traceback" not in log, log
    assert process.returncode == 128 + signal.SIGINT
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def number(text: str) -> Decimal:
    """An amount as the page writes it."""
    value = formats.parsed_amount(text)
    assert value is not None, text
    return value


def value(pipeline: Pipeline, query: str) -> Decimal:
    """The one value of a query on the marts."""
    with psycopg.connect(pipeline.url) as connection:
        connection.execute("SET search_path TO pennylane_marts, pennylane_live, pennylane")
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    found: Decimal = row[0]
    return found
