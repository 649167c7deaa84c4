"""Write the diagrams of docs/warehouse.md from the models' references.

python transform/dbt/scripts/generate_erd.py

A diagram stands between `<!-- NAME: generated -->` and `<!-- /NAME -->`.
"""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import yaml
from tap_pennylane.streams.base import PennylaneStream
from tap_pennylane.tap import TapPennylane

SCRIPTS = Path(__file__).parent
PROJECT = SCRIPTS.parent
PAGE = PROJECT.parents[1] / "docs" / "warehouse.md"
STAGING = runpy.run_path(str(SCRIPTS / "generate_staging.py"))
MARTS_SCHEMA = "marts"
DESCRIBED = re.compile(r": (\w+)\.id\.$")
"""How the description of a column says what it refers to."""


def live() -> str:
    """The references between the live views that are loaded by default."""
    loaded = {
        name
        for name, stream in TapPennylane(validate_config=False).streams.items()
        if isinstance(stream, PennylaneStream) and stream.selected_by_default
    }
    models = {
        name.removeprefix(STAGING["PREFIX"]): model
        for name, model in described("models/staging").items()
    }
    return diagram({name: models[name] for name in models.keys() & loaded}, loaded)


def marts() -> str:
    """The live views whose ids stand in marts."""
    return diagram(marts_models(), set(TapPennylane(validate_config=False).streams))


def marts_models() -> dict[str, dict[str, Any]]:
    """The models that dbt_project.yml puts into the schema of the marts."""
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    return {
        name: model
        for folder, config in project["models"]["pennylane"].items()
        if isinstance(config, dict) and config.get("+schema") == MARTS_SCHEMA
        for name, model in described(f"models/{folder}").items()
    }


def described(folder: str) -> dict[str, dict[str, Any]]:
    """The models of a folder, as its files describe them."""
    return {
        model["name"]: model
        for path in sorted((PROJECT / folder).glob("_*.yml"))
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", ())
    }


def diagram(models: dict[str, dict[str, Any]], tables: set[str]) -> str:
    """A Mermaid diagram of the references from models to tables."""
    lines = sorted(
        f"    {table} {cardinality(model, column['name'])} {name} : {column['name']}\n"
        for name, model in models.items()
        for column in model.get("columns", ())
        if (table := reference(column)) in tables
    )
    return f"```mermaid\nerDiagram\n{''.join(lines)}```"


def reference(column: dict[str, Any]) -> str | None:
    """The table to which a column refers, by its name or else its description."""
    table: str | None = STAGING["REFERENCES"].get(column["name"])
    told = DESCRIBED.search(column["description"])
    return table or (told[1] if told else None)


def cardinality(model: dict[str, Any], column: str) -> str:
    """How many rows there are on either side: a column of the key is never empty."""
    key = {
        each
        for test in model.get("data_tests", ())
        if "pennylane_key" in test
        for each in test["pennylane_key"]["arguments"]["columns"]
    } - {"company_id"}
    if column not in key:
        return "|o--o{"
    return "||--o|" if len(key) == 1 else "||--o{"


def filled(page: str) -> str:
    """The page with its diagrams drawn again."""
    for name, make in {"live-views": live, "marts": marts}.items():
        begin, end = f"<!-- {name}: generated -->", f"<!-- /{name} -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n\n{make()}\n\n{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
