"""The comments on views and columns, in English and French."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from pipelines import Pipeline

DBT = Path(__file__).parents[1] / "transform" / "dbt"
SCRIPT = DBT / "scripts" / "generate_french.py"
SELECTED = (
    "stg_pennylane__customer_invoices",
    "general_ledger",
    "fec",
    "sync_metadata",
    "aged_receivables",
)
COMMENTS = """
SELECT nspname || '.' || relname || coalesce('.' || attname, '') AS name, description
FROM pg_description
JOIN pg_class ON pg_class.oid = objoid AND classoid = 'pg_class'::regclass
JOIN pg_namespace ON pg_namespace.oid = relnamespace
LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND attnum = objsubid AND attnum > 0
WHERE nspname || '.' || relname IN (
    'pennylane_live.customer_invoices', 'pennylane_marts.general_ledger', 'pennylane_marts.fec',
    'pennylane.sync_metadata')
"""


def comments(pipeline: Pipeline) -> dict[str, str]:
    """The comments on the selected views and their columns."""
    return {row["name"]: row["description"] for row in pipeline.query(COMMENTS)}


def test_every_description_has_its_french() -> None:
    script = runpy.run_path(str(SCRIPT))
    assert script["MACRO"].read_text(encoding="utf-8") == script["text"](), f"run {SCRIPT.name}"


@pytest.mark.parametrize(
    ("pairs", "complaint"),
    [
        ([], r"lacks the French of: .*\| Name of the company\. \|"),
        ([{"en": "Number of gnomes.", "fr": "?"}], r"translates what no model says: Number of gno"),
        ([{"en": "Name of the company.", "fr": "?"}] * 2, r"this twice: Name of the company\.$"),
    ],
)
def test_the_french_is_neither_less_nor_more(
    tmp_path: Path, pairs: list[dict[str, Any]], complaint: str
) -> None:
    script = runpy.run_path(str(SCRIPT))
    known = yaml.safe_load((DBT / "scripts" / "glossary.fr.yml").read_text(encoding="utf-8"))
    content = yaml.safe_dump([*known, *pairs] if "no model" in complaint else pairs)
    (tmp_path / "glossary.fr.yml").write_text(content, encoding="utf-8")
    script["text"].__globals__["SCRIPTS"] = tmp_path
    with pytest.raises(SystemExit, match=complaint):
        script["text"]()


def test_the_comments_are_in_the_language_of_the_setting(books: Pipeline) -> None:
    script = runpy.run_path(str(SCRIPT))
    french = script["translations"]()
    english = comments(books)
    assert english["pennylane_marts.general_ledger.is_lettered"] == (
        "Whether the line is lettered (lettrée) with others."
    )
    assert english.keys() >= {"pennylane_marts.fec", "pennylane_live.customer_invoices.paid"}
    assert set(english.values()) <= french.keys()

    pipeline = books.copy()
    done = pipeline.dbt("run", "--select", *SELECTED, DBT_PENNYLANE_LANGUAGE="fr")
    assert done.returncode == 0, done.stdout
    found = comments(pipeline)
    assert found == {name: french[text] for name, text in english.items()}
    assert found["pennylane_marts.general_ledger.is_lettered"] == "Indique si la ligne est lettrée."
    assert found["pennylane_live.customer_invoices.customer_id"] == (
        "Le client\u00a0: customers.id."
    )
    (function,) = pipeline.query(
        "SELECT obj_description('pennylane_marts.aged_receivables_on(date)'::regprocedure) AS text"
    )
    assert function["text"] == "Les lignes de la vue aged_receivables à la fin d'une journée"


def test_another_language_stops_the_build(books: Pipeline) -> None:
    done = books.dbt("run", "--select", "sync_metadata", DBT_PENNYLANE_LANGUAGE="de")
    assert done.returncode != 0
    sentence = "The variable pennylane_language (DBT_PENNYLANE_LANGUAGE) is neither en nor fr: de"
    assert sentence in done.stdout
