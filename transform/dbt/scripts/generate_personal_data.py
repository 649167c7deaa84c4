"""Write the tables of docs/personal-data.md from personal_data.yml.

python transform/dbt/scripts/generate_personal_data.py

A table stands between `<!-- NAME: generated -->` and `<!-- /NAME -->`.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from tap_pennylane.tap import TapPennylane

PROJECT = Path(__file__).parents[1]
PAGE = PROJECT.parents[1] / "docs" / "personal-data.md"
LISTED = ("columns", "texts")

TELLING = re.compile(
    r"(?:^|_)(?:names?|recipients?|e?mails?|telephone|phone|mobile|iban|bic|street"
    r"|address|postal|city|birth|reg_no|establishment_no|vat_number|employee|filename)(?:_|$)"
)
"""Typical names of personal columns: a column with such a name must be in personal_data.yml."""


def listed() -> dict[str, dict[str, list[str]]]:
    """The columns by list and stream.

    Raises:
        SystemExit: A column is in no list, or does not exist; names it.
    """
    found: dict[str, dict[str, list[str]]] = yaml.safe_load(
        (PROJECT / "personal_data.yml").read_text(encoding="utf-8")
    )
    named = {
        f"{stream}.{column}"
        for streams in found.values()
        for stream, columns in streams.items()
        for column in columns
    }
    known = {
        f"{name}.{column}"
        for name, stream in TapPennylane(validate_config=False).streams.items()
        for column in stream.schema["properties"]
    }
    if gone := sorted(named - known):
        message = f"personal_data.yml names columns that no stream has: {', '.join(gone)}"
        raise SystemExit(message)
    telling = {name for name in known if TELLING.search(name.partition(".")[2])}
    if missing := sorted(telling - named):
        message = f"personal_data.yml does not say whether these are personal: {', '.join(missing)}"
        raise SystemExit(message)
    return found


def filled(text: str) -> str:
    """The page with its tables regenerated."""
    lists = listed()
    for name in LISTED:
        rows = (
            f"| `{stream}` | {', '.join(f'`{column}`' for column in columns)} |"
            for stream, columns in sorted(lists[name].items())
        )
        table = "\n".join(["| Stream | Columns |", "|---|---|", *rows])
        begin, end = f"<!-- {name}: generated -->", f"<!-- /{name} -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n\n{table}\n\n{end}{after}"
    return text


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
