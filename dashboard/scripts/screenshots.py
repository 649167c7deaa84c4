"""Pictures of every page of a running dashboard: both languages, light and dark, wide and narrow.

make dashboard ARGS=--demo
make screenshots
"""

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

PAGES = (
    *("", "results", "balance", "cash", "customers", "suppliers"),
    *("vat", "controls", "history", "ledger", "pipeline"),
)
LOOKS = (
    # folder's name, language, colours, width
    ("fr-light-1280", "fr", "light", 1280),
    ("en-dark-1280", "en", "dark", 1280),
    ("fr-dark-390", "fr", "dark", 390),
    ("en-light-390", "en", "light", 390),
)
TALLEST = 4000


def main() -> int:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8501")
    parser.add_argument("--folder", type=Path, default=Path("screenshots"))
    given = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        print("There is no chromium on PATH: apt-get install chromium", file=sys.stderr)
        return 1
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for path in _taken(browser, given.url, given.folder):
            print(path)
        browser.close()
    return 0


def _taken(browser: Browser, url: str, folder: Path) -> Iterator[Path]:
    for name, language, colours, width in LOOKS:
        with browser.new_context(
            locale=language, color_scheme="dark" if colours == "dark" else "light"
        ) as context:
            for place in PAGES:
                page = context.new_page()
                page.set_viewport_size({"width": width, "height": 900})
                page.goto(f"{url}/{place}?lang={language}")
                _settle(page)
                whole = page.get_by_test_id("stMain").evaluate("main => main.scrollHeight")
                page.set_viewport_size({"width": width, "height": min(int(whole), TALLEST)})
                _settle(page)
                path = folder / name / f"{place or 'overview'}.png"
                page.screenshot(path=path)
                page.close()
                yield path


def _settle(page: Page) -> None:
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_timeout(1000)  # charts are drawn after the script has run


if __name__ == "__main__":
    sys.exit(main())
