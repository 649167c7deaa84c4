"""The Power BI project: it is readable, it fits the views, its measures are right."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import yaml

if TYPE_CHECKING:
    from drafts import Draft
    from pipelines import Pipeline

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "docs" / "power-bi"
MODEL = FOLDER / "pennylane.SemanticModel"
PAGE = (PROJECT / "docs" / "power-bi.md").read_text(encoding="utf-8")
SCRIPTS = PROJECT / "transform" / "dbt" / "scripts"
EXPOSURES = PROJECT / "transform" / "dbt" / "models" / "_exposures.yml"
PYTHON = PROJECT / ".cache" / "power-bi" / "bin" / "python"
MEASURES: list[dict[str, str]] = yaml.safe_load(
    (SCRIPTS / "power_bi.yml").read_text(encoding="utf-8")
)["measures"]
PERIODS = [("2025-01-01", "2025-12-31"), ("2025-03-01", "2025-03-31"), ("2026-01-01", "2026-06-30")]
ACCOUNTS = ("512100", "445710", "706000", "613200")
NOTHING = Decimal(0)


@pytest.fixture(scope="module")
def model() -> dict[str, Any]:
    """The model as Microsoft's library reads it; that of Power BI Desktop is the same."""
    if not PYTHON.exists():
        pytest.skip("Microsoft's library is not installed (make .cache/power-bi/.installed)")
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("read_model.py"), MODEL / "definition"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_project_is_that_of_the_views(books: Pipeline) -> None:
    script = runpy.run_path(str(SCRIPTS / "generate_power_bi.py"))
    with psycopg.connect(books.url) as connection:
        wanted: dict[str, str] = script["project"](connection)
    found = {
        str(path.relative_to(FOLDER)): path.read_text(encoding="utf-8")
        for path in FOLDER.rglob("*")
        if path.is_file() and path.name != ".gitignore" and ".pbi" not in path.parts
    }
    assert found == wanted, "run transform/dbt/scripts/generate_power_bi.py"


def test_microsofts_library_reads_the_model(model: dict[str, Any]) -> None:
    tables = model["tables"]
    assert model["parameters"] == ["Server", "Database", "SchemaName"]
    assert len(tables) > 30
    for name, table in tables.items():
        for column, told in table["columns"].items():
            assert told["type"] in {"Int64", "Decimal", "Double", "Boolean", "DateTime", "String"}
            assert told["kind"] == ("Data" if name not in {"Dates", "Measures"} else told["kind"])
            if column == "id" or column.endswith(("_id", "_key")):
                assert told["adds"] == "None", (name, column)
    amounts = tables["general_ledger"]["columns"]
    assert (amounts["debit"]["type"], amounts["debit"]["adds"]) == ("Decimal", "Sum")
    assert amounts["ledger_entry_line_id"]["type"] == "Int64"
    assert tables["balance_sheet"]["columns"]["label_fr"]["sorted"] == "position"
    assert set(tables["Measures"]["measures"]) == {each["name"] for each in MEASURES}


def test_every_relation_leads_from_a_fact_to_one_row_of_a_dimension(model: dict[str, Any]) -> None:
    ones = {relation["one"][0] for relation in model["relations"]}
    for relation in model["relations"]:
        # A star: whatever filters another table is filtered by none, so that no path is ambiguous.
        assert relation["many"][0] not in ones, relation
        assert (relation["kind"], relation["filters"]) == ("Many-One", "OneDirection")
        assert relation["active"]
    pairs = [(relation["many"][0], relation["one"][0]) for relation in model["relations"]]
    assert len(pairs) == len(set(pairs)) > 60


def keyed(table: str, key: str, chosen: dict[str, Any]) -> str:
    """A key of Power Query, in SQL."""
    schema = "pennylane_live" if table in chosen["dimensions"] else "pennylane_marts"
    value = "company_id::text" if key == "company_id" else f"company_id || '-' || {key}"
    return f"SELECT {value} AS key FROM {schema}.{table} WHERE {key} IS NOT NULL"  # noqa: S608


def test_no_row_lacks_its_dimension_and_no_key_has_two(books: Pipeline) -> None:
    chosen = yaml.safe_load((SCRIPTS / "power_bi.yml").read_text(encoding="utf-8"))
    for name, dimension in chosen["dimensions"].items():
        keys = keyed(name, dimension["key"], chosen)
        (twice,) = books.query(f"SELECT count(*) - count(DISTINCT key) AS n FROM ({keys}) AS _")  # noqa: S608
        assert twice["n"] == 0, name
        for fact, table in chosen["facts"].items():
            key = "company_id" if name == "company" else table.get("keys", {}).get(name)
            if key:
                rows = f"SELECT count(*) AS n FROM ({keyed(fact, key, chosen)}) AS many"  # noqa: S608
                (lost,) = books.query(f"{rows} WHERE key NOT IN ({keys})")
                assert lost["n"] == 0, (fact, name)


def test_sorted_columns_have_one_place_per_value(draft: Draft) -> None:
    chosen = yaml.safe_load((SCRIPTS / "power_bi.yml").read_text(encoding="utf-8"))
    for name, table in chosen["facts"].items():
        for column, place in table.get("sorted", {}).items():
            found = draft.ask(
                f"SELECT {column} FROM {name} GROUP BY 1 HAVING count(DISTINCT {place}) > 1"  # noqa: S608
            )
            assert found == [], (name, column)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure["name"])
def test_a_measure_names_what_the_model_has(measure: dict[str, str], model: dict[str, Any]) -> None:
    tables = model["tables"]
    assert tables["Measures"]["measures"][measure["name"]].strip() == measure["dax"].strip()
    strings = re.sub(r'"[^"]*"', '""', measure["dax"])
    columns = re.findall(r"\b(\w+)\[(\w+)\]", strings)
    assert columns or "COUNTROWS" in strings
    for table, column in columns:
        assert column in tables[table]["columns"], (table, column)
    for table in re.findall(r"(?:COUNTROWS|REMOVEFILTERS)\((\w+)\)", strings):
        assert table in tables
    # Names that stand alone are variables of the measure.
    variables = set(re.findall(r"\bVAR (\w+)", strings))
    bare = set(re.findall(r"\b([A-Z][a-z]\w+)\b(?!\[|\()", strings)) - {"Date", "Dates"}
    assert bare == variables
    for closing, opening in (")(", "][", "}{"):
        assert strings.count(closing) == strings.count(opening)


class Figures:
    """The figures of the measures, from the API's answers, in Python."""

    def __init__(self, books: Pipeline) -> None:
        sandbox = books.sandbox
        journals = {row["id"]: row["code"] for row in sandbox.state("journals")}
        self.years = sorted(row["start"] for row in sandbox.state("fiscal_years"))
        self.entries = defaultdict(list)
        for line in sandbox.state("ledger_entry_lines"):
            self.entries[line["ledger_entry"]["id"]].append(
                {
                    "date": line["date"],
                    "account": line["ledger_account"]["number"],
                    "balance": Decimal(line["debit"]) - Decimal(line["credit"]),
                    "opening": journals[line["journal"]["id"]] == "AN",
                    "lettered": line["lettered_ledger_entry_lines"],
                }
            )
        self.opened = min(line["date"] for lines in self.entries.values() for line in lines)
        self.invoices = [row for row in sandbox.state("customer_invoices") if not row["draft"]]
        self.today = books.query("SELECT (now() AT TIME ZONE 'Europe/Paris')::date AS day")[0][
            "day"
        ]

    def total(self, first: str, last: str, *prefixes: str) -> Decimal:
        """Debit minus credit, without what carries former years forward or closes one."""
        return sum(
            (
                line["balance"]
                for lines in self.entries.values()
                if not self.closes(lines)
                for line in lines
                if first <= line["date"] <= last
                and line["account"].startswith(prefixes)
                and not (line["opening"] and line["date"] > self.opened)
            ),
            NOTHING,
        )

    @staticmethod
    def closes(lines: list[dict[str, Any]]) -> bool:
        """Whether an entry closes income and expenses into the result."""
        accounts = [line["account"] for line in lines]
        return any(each.startswith("12") for each in accounts) and any(
            each[0] in "67" for each in accounts
        )

    def vat_due(self, first: str, last: str) -> Decimal:
        """Collected minus deductible VAT of entries that settle no return."""
        return -sum(
            (
                line["balance"]
                for lines in self.entries.values()
                if not any(line["account"].startswith(("4455", "44567")) for line in lines)
                for line in lines
                if first <= line["date"] <= last
                and line["account"].startswith(("4456", "4457"))
                and not line["opening"]
            ),
            NOTHING,
        )

    def invoiced(self, first: str, last: str) -> Decimal:
        """Invoices before tax."""
        return sum(
            (
                Decimal(row["amount"]) - Decimal(row["tax"])
                for row in self.invoices
                if row["date"] and first <= row["date"] <= last
            ),
            NOTHING,
        )


@pytest.fixture(scope="module")
def figures(books: Pipeline) -> Figures:
    return Figures(books)


def twins(draft: Draft, **chosen: str) -> dict[str, Decimal | None]:
    """The measures by their SQL, for the selected days and account."""
    found = {}
    for measure in MEASURES:
        row = draft.connection.execute(measure["sql"].encode(), chosen).fetchone()
        assert row
        (found[measure["name"]],) = row.values()
    return found


@pytest.mark.parametrize(("first", "last"), PERIODS)
def test_the_measures_are_those_of_the_api(
    draft: Draft, figures: Figures, first: str, last: str
) -> None:
    found = twins(draft, **{"from": first, "to": last, "account": ACCOUNTS[0]})
    total = figures.total
    ever = "0001-01-01"
    today = str(figures.today)
    assert found["Sales"] == -total(first, last, "70")
    assert found["Net result"] == -total(first, last, "6", "7")
    assert found["Cash"] == total(ever, last, "51", "53", "54")
    assert found["Receivables"] == total(ever, today, "411")
    assert found["VAT due"] == figures.vat_due(first, last)
    assert found["Invoiced"] == figures.invoiced(first, last)
    assert found["Findings"] is None
    for account in ACCOUNTS:
        year = max(start for start in figures.years if start <= last)
        begin = year if account[0] in "67" else ever
        twin = twins(draft, **{"from": first, "to": last, "account": account})
        assert (twin["Account balance"] or 0) == total(begin, last, account), account


@pytest.mark.parametrize(("first", "last"), PERIODS)
def test_the_other_measures_are_those_of_the_statements(
    draft: Draft, figures: Figures, first: str, last: str
) -> None:
    found = twins(draft, **{"from": first, "to": last, "account": ACCOUNTS[0]})
    sheet = draft.ask(
        "SELECT as_of, side, net FROM balance_sheet_by_account "  # noqa: S608
        f"WHERE as_of BETWEEN '{first}' AND '{last}'"
    )
    end = max(row["as_of"] for row in sheet)
    for side in ("assets", "liabilities"):
        net = [row["net"] for row in sheet if (row["as_of"], row["side"]) == (end, side)]
        assert found["Total assets"] == sum(net, NOTHING), side
    # The valeur ajoutée of a textbook: sales and stored production less purchases and services.
    income = draft.ask(
        "SELECT account_number, result FROM income_statement_by_month "  # noqa: S608
        f"WHERE month BETWEEN '{first}' AND '{last}' AND intermediate_balance "
        "IN ('commercial_margin', 'production', 'value_added')"
    )
    assert found["Value added"] == sum((row["result"] for row in income), NOTHING)
    late = [
        row["remaining_amount"]
        for row in draft.ask("SELECT due_date, remaining_amount FROM aged_receivables")
        if row["due_date"] < figures.today and row["remaining_amount"] > 0
    ]
    assert found["Overdue"] == sum(late, NOTHING)
    (delay,) = draft.ask(f"SELECT * FROM payment_delays WHERE as_of = '{end}'")  # noqa: S608
    days = found["Days sales outstanding"]
    assert days is not None
    assert round(days, 1) == round(delay["days_sales_outstanding"], 1)


def test_the_report_opens_the_model() -> None:
    project = json.loads((FOLDER / "pennylane.pbip").read_text(encoding="utf-8"))
    (artifact,) = project["artifacts"]
    report = FOLDER / artifact["report"]["path"]
    opened = json.loads((report / "definition.pbir").read_text(encoding="utf-8"))
    path = opened["datasetReference"]["byPath"]["path"]
    assert (report / path).resolve() == MODEL
    pages = json.loads((report / "definition/pages/pages.json").read_text(encoding="utf-8"))
    for name in pages["pageOrder"]:
        page = json.loads((report / f"definition/pages/{name}/page.json").read_text("utf-8"))
        assert page["name"] == name


def test_project_and_connection_file_open_the_database_of_the_settings() -> None:
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    settings = dict(re.findall(r"^#?(POSTGRES_\w+)=(\S+)", example, re.MULTILINE))
    server = f"{settings['POSTGRES_HOST']}:{settings['POSTGRES_PORT']}"
    text = (MODEL / "definition" / "expressions.tmdl").read_text(encoding="utf-8")
    assert dict(re.findall(r'^expression (\w+) = "(.*?)"', text, re.MULTILINE)) == {
        "Server": server,
        "Database": settings["POSTGRES_DB"],
        "SchemaName": "pennylane",
    }
    file = PROJECT / "docs" / "pennylane.pbids"
    (opened,) = json.loads(file.read_text(encoding="utf-8"))["connections"]
    assert opened == {
        "details": {
            "protocol": "postgresql",
            "address": {"server": server, "database": settings["POSTGRES_DB"]},
        },
        "options": {},
        "mode": "Import",
    }


def test_the_exposure_names_the_views_of_the_model() -> None:
    exposures = yaml.safe_load(EXPOSURES.read_text(encoding="utf-8"))["exposures"]
    (reads,) = (each["depends_on"] for each in exposures if each["name"] == "pennylane_power_bi")
    names = {re.findall(r"\w+", each)[-1].removeprefix("stg_pennylane__") for each in reads}
    files = {path.stem for path in (MODEL / "definition" / "tables").glob("*.tmdl")}
    assert names == files - {"Dates", "Measures"}


def test_the_page_names_every_table_and_measure() -> None:
    chosen = yaml.safe_load((SCRIPTS / "power_bi.yml").read_text(encoding="utf-8"))
    named = set(re.findall(r"`(\w+)`", PAGE))
    for part in ("dimensions", "facts", "others"):
        assert named >= chosen[part].keys(), chosen[part].keys() - named
    for measure in MEASURES:
        assert f"| {measure['name']} |" in PAGE
