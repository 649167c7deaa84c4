"""Write the Power BI project in docs/power-bi, from the views of a warehouse and power_bi.yml.

    .venv/bin/python transform/dbt/scripts/generate_power_bi.py postgresql://…

Columns, types and descriptions are those of the views (in the language of their comments), so the
warehouse must hold the views of this version: `make up`, then `meltano run sync`.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SCRIPTS = Path(__file__).parent
FOLDER = SCRIPTS.parents[2] / "docs" / "power-bi"
CHOSEN: dict[str, Any] = yaml.safe_load((SCRIPTS / "power_bi.yml").read_text(encoding="utf-8"))
NAME = "pennylane"
MODEL, REPORT = f"{NAME}.SemanticModel", f"{NAME}.Report"
WRITTEN = {MODEL, REPORT, f"{NAME}.pbip"}
"""What the script owns of the folder."""
SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric"
COMPANY = "company"
DATES, MEASURES = "Dates", "Measures"
CALENDAR = """\
ADDCOLUMNS(
    CALENDARAUTO(),
    "Year", YEAR([Date]),
    "Quarter", YEAR([Date]) & "-Q" & QUARTER([Date]),
    "Month", FORMAT([Date], "yyyy-MM")
)"""
TYPES = {
    "bigint": "int64",
    "integer": "int64",
    "numeric": "decimal",  # "fixed decimal number" in Power BI
    "boolean": "boolean",
    "date": "dateTime",
    "timestamp without time zone": "dateTime",
    "text": "string",
    "jsonb": "string",
    "ARRAY": "string",
}
FORMATS = {"int64": "0", "decimal": "#,0.00", "double": "#,0.00", "boolean": "", "string": ""}
COLUMNS = """
    SELECT columns.column_name, columns.data_type, col_description(class.oid, attribute.attnum)
    FROM information_schema.columns AS columns
    JOIN pg_class AS class
        ON class.oid = format('%%I.%%I', columns.table_schema, columns.table_name)::regclass
    JOIN pg_attribute AS attribute
        ON attribute.attrelid = class.oid AND attribute.attname = columns.column_name
    WHERE columns.table_schema = %s AND columns.table_name = %s
    ORDER BY columns.ordinal_position
"""


class Table:
    """A view as a table of the model."""

    def __init__(
        self, connection: psycopg.Connection, name: str, suffix: str, chosen: dict[str, Any]
    ) -> None:
        """Ask PostgreSQL for the view's columns.

        Args:
            connection: to the warehouse.
            name: of the view.
            suffix: of its schema.
            chosen: what power_bi.yml says about it.
        """
        self.name = name
        self.suffix = suffix
        self.chosen = chosen
        schema = NAME + suffix
        found = connection.execute(COLUMNS, (schema, name)).fetchall()
        left_out = {*chosen.get("without", ()), "company_name" if "key" not in chosen else ""}
        wanted = chosen.get("columns") or [row[0] for row in found if row[0] not in left_out]
        known = {row[0]: row[1:] for row in found}
        if missing := sorted(set(wanted) - known.keys()):
            message = f"{schema}.{name} lacks {', '.join(missing)}: build the views first."
            raise SystemExit(message)
        self.columns: dict[str, tuple[str, str]] = {column: known[column] for column in wanted}
        asked = connection.execute(
            "SELECT obj_description(format('%%I.%%I', %s::text, %s::text)::regclass)",
            (schema, name),
        ).fetchone()
        self.description = asked[0] if asked else None

    @property
    def keys(self) -> dict[str, str]:
        """The dimensions that it refers to, or that it is, with the column that says which row."""
        keys: dict[str, str] = self.chosen.get("keys", {})
        own = {self.name: self.chosen["key"]} if "key" in self.chosen else {}
        return {name: key for name, key in (keys | own).items() if name != COMPANY}

    def type(self, column: str) -> str:
        """The type of a column in Power BI."""
        return (
            "double"
            if column in self.chosen.get("approximate", ())
            else TYPES[self.columns[column][0]]
        )

    def text(self) -> str:
        """The table in TMDL."""
        parts = [
            described(0, self.description) + f"table {self.name}\n",
            *(self._column(column) for column in self.columns),
            *(self._key(dimension) for dimension in self.keys),
            f"\tpartition {self.name} = m\n\t\tmode: import\n\t\tsource =\n"
            + indented(4, self.query()),
        ]
        return "\n".join(parts)

    def _column(self, column: str) -> str:
        kind = self.type(column)
        is_fact = "key" not in self.chosen
        is_added = kind in {"decimal", "double"} and column not in self.chosen.get("not_added", ())
        is_date = self.columns[column][0] == "date"
        shown = (
            ("Short Date" if is_date else "General Date") if kind == "dateTime" else FORMATS[kind]
        )
        follows = self.chosen.get("sorted", {}).get(column)
        lines = [
            f"dataType: {kind}",
            "isHidden" if is_fact and column == "company_id" else "",
            f"formatString: {shown}" if shown else "",
            f"summarizeBy: {'sum' if is_added and is_fact else 'none'}",
            f"sourceColumn: {column}",
            f"sortByColumn: {follows}" if follows else "",
        ]
        return (
            described(1, self.columns[column][1])
            + f"\tcolumn {column}\n"
            + "".join(f"\t\t{line}\n" for line in lines if line)
            + ("\n\t\tannotation UnderlyingDateTimeDataType = Date\n" if is_date else "")
        )

    def _key(self, dimension: str) -> str:
        name = key_of(dimension)
        return (
            f"\tcolumn {name}\n\t\tdataType: string\n\t\tisHidden\n\t\tsummarizeBy: none\n"
            f"\t\tsourceColumn: {name}\n"
        )

    def query(self) -> str:
        """How Power Query reads it."""
        schema = f'SchemaName & "{self.suffix}"' if self.suffix else "SchemaName"
        steps = [
            ("Source", "PostgreSQL.Database(Server, Database)"),
            ("View", f'Source{{[Schema = {schema}, Item = "{self.name}"]}}[Data]'),
            ("Chosen", f"Table.SelectColumns(View, {listed(map(json.dumps, self.columns))})"),
        ]
        for dimension, column in self.keys.items():
            value = f"[{column}]"
            if self.type(column) == "int64":
                value = f"Text.From({value})"
            elif self.type(column) == "dateTime":
                value = f'Date.ToText({value}, "yyyy-MM-dd")'
            text = f'Text.From([company_id]) & "-" & {value}'
            name = key_of(dimension)
            steps.append(
                (name, f'Table.AddColumn({steps[-1][0]}, "{name}", each {text}, type text)')
            )
        if self.name in self.keys:
            name = key_of(self.name)
            rows = f"Table.SelectRows({steps[-1][0]}, each [{name}] <> null)"
            steps.append(("Distinct", f'Table.Distinct({rows}, {{"{name}"}})'))
        if amounts := [column for column in self.columns if self.type(column) == "decimal"]:
            types = listed(f'{{"{column}", Currency.Type}}' for column in amounts)
            steps.append(("Exact", f"Table.TransformColumnTypes({steps[-1][0]}, {types})"))
        body = ",\n".join(f"    {name} = {expression}" for name, expression in steps)
        return f"let\n{body}\nin\n    {steps[-1][0]}"

    def relations(self) -> Iterator[str]:
        """Its relations to the dimensions, many to one."""
        ends = {name: (key_of(name), key_of(name)) for name in self.keys if name != self.name}
        if "key" not in self.chosen and "company_id" in self.columns:
            ends[COMPANY] = ("company_id", "company_id")
        if date := self.chosen.get("date"):
            ends[DATES] = (date, "Date")
        for dimension, (column, key) in ends.items():
            yield (
                f"relationship {self.name}_{dimension}\n"
                f"\tfromColumn: {self.name}.{column}\n\ttoColumn: {dimension}.{key}\n"
            )


def key_of(dimension: str) -> str:
    """The column that refers to a dimension: two companies may share ids, so it has both."""
    return f"{dimension}_key"


def listed(items: Iterable[str]) -> str:
    """A list in Power Query."""
    return "{" + ", ".join(items) + "}"


def described(depth: int, description: str | None) -> str:
    """A description in TMDL, above what it describes."""
    return "\t" * depth + f"/// {description}\n" if description else ""


def indented(depth: int, text: str) -> str:
    """An expression of several lines; TMDL measures its depth in tabs."""
    tabs = "\t" * depth
    return "".join(f"{tabs}{line}\n" for line in text.strip().splitlines())


def dates() -> str:
    """The calendar."""
    types = {"Date": "dateTime", "Year": "int64", "Quarter": "string", "Month": "string"}
    columns = "\n".join(
        f"\tcolumn {name}\n\t\tdataType: {kind}\n"
        + ("\t\tisKey\n\t\tformatString: Short Date\n" if name == "Date" else "")
        + ("\t\tformatString: 0\n" if kind == "int64" else "")
        + f"\t\tsummarizeBy: none\n\t\tisNameInferred\n\t\tsourceColumn: [{name}]\n"
        for name, kind in types.items()
    )
    return (
        f"/// Every day of the years in which something happened.\ntable {DATES}\n"
        f"\tdataCategory: Time\n\n{columns}\n"
        f"\tpartition {DATES} = calculated\n\t\tmode: import\n\t\tsource =\n{indented(4, CALENDAR)}"
    )


def measures() -> str:
    """The measures, in a table without rows of interest."""
    parts = [
        described(1, measure["description"])
        + f"\tmeasure '{measure['name']}' =\n{indented(3, measure['dax'])}"
        + f"\t\tformatString: {measure.get('format', '#,0.00')}\n"
        for measure in CHOSEN["measures"]
    ]
    column = (
        "\tcolumn Value\n\t\tdataType: string\n\t\tisHidden\n\t\tsummarizeBy: none\n"
        "\t\tisNameInferred\n\t\tsourceColumn: [Value]\n"
    )
    source = (
        f"\tpartition {MEASURES} = calculated\n\t\tmode: import\n"
        '\t\tsource = ROW("Value", BLANK())\n'
    )
    return "\n".join([f"table {MEASURES}\n", *parts, column, source])


def parameters() -> str:
    """Where the warehouse is."""
    defaults = {"Server": "localhost:5432", "Database": "pennylane", "SchemaName": NAME}
    return "\n".join(
        f'expression {name} = "{value}" meta '
        '[IsParameterQuery=true, Type="Text", IsParameterQueryRequired=true]\n\n'
        "\tannotation PBI_ResultType = Text\n"
        for name, value in defaults.items()
    )


def tables(connection: psycopg.Connection) -> list[Table]:
    """The views of the star."""
    return [
        Table(connection, name, chosen.get("schema", suffix), chosen)
        for part, suffix in (("dimensions", "_live"), ("facts", "_marts"), ("others", ""))
        for name, chosen in CHOSEN[part].items()
    ]


def project(connection: psycopg.Connection) -> dict[str, str]:
    """The files of the project, by their path in its folder."""
    found = tables(connection)
    names = [MEASURES, DATES, *(table.name for table in found)]
    references = "".join(f"ref table {name}\n" for name in names)
    model = (
        "model Model\n\tculture: en-US\n\tdefaultPowerBIDataSourceVersion: powerBI_V3\n"
        "\tsourceQueryCulture: en-US\n\n\tannotation __PBI_TimeIntelligenceEnabled = 0\n\n"
    )
    definition = f"{MODEL}/definition"
    return {
        f"{definition}/database.tmdl": "database\n\tcompatibilityLevel: 1600\n",
        f"{definition}/model.tmdl": model + references,
        f"{definition}/expressions.tmdl": parameters(),
        f"{definition}/relationships.tmdl": "\n".join(
            relation for table in found for relation in table.relations()
        ),
        f"{definition}/tables/{DATES}.tmdl": dates(),
        f"{definition}/tables/{MEASURES}.tmdl": measures(),
        **{f"{definition}/tables/{table.name}.tmdl": table.text() for table in found},
        **{path: json.dumps(content, indent=2) + "\n" for path, content in shell().items()},
    }


def shell() -> dict[str, dict[str, Any]]:
    """What Power BI Desktop opens beside the model: a report with an empty page."""
    item = f"{SCHEMAS}/item/report"
    return {
        f"{NAME}.pbip": {
            "$schema": f"{SCHEMAS}/pbip/pbipProperties/1.0.0/schema.json",
            "version": "1.0",
            "artifacts": [{"report": {"path": REPORT}}],
            "settings": {"enableAutoRecovery": True},
        },
        f"{MODEL}/definition.pbism": {
            "$schema": f"{SCHEMAS}/item/semanticModel/definitionProperties/1.0.0/schema.json",
            "version": "4.2",
            "settings": {},
        },
        f"{REPORT}/definition.pbir": {
            "$schema": f"{item}/definitionProperties/2.0.0/schema.json",
            "version": "4.0",
            "datasetReference": {"byPath": {"path": f"../{MODEL}"}},
        },
        f"{REPORT}/definition/version.json": {
            "$schema": f"{item}/definition/versionMetadata/1.0.0/schema.json",
            "version": "2.0.0",
        },
        f"{REPORT}/definition/report.json": {
            "$schema": f"{item}/definition/report/1.0.0/schema.json",
            "themeCollection": {
                "baseTheme": {
                    "name": "CY24SU10",
                    "reportVersionAtImport": "5.59",
                    "type": "SharedResources",
                }
            },
            "layoutOptimization": "None",
        },
        f"{REPORT}/definition/pages/pages.json": {
            "$schema": f"{item}/definition/pagesMetadata/1.0.0/schema.json",
            "pageOrder": ["books"],
            "activePageName": "books",
        },
        f"{REPORT}/definition/pages/books/page.json": {
            "$schema": f"{item}/definition/page/1.0.0/schema.json",
            "name": "books",
            "displayName": "Books",
            "displayOption": "FitToPage",
            "height": 720,
            "width": 1280,
        },
    }


if __name__ == "__main__":
    with psycopg.connect(sys.argv[1]) as warehouse:
        files = project(warehouse)
    for name in WRITTEN - {f"{NAME}.pbip"}:
        shutil.rmtree(FOLDER / name, ignore_errors=True)
    for path, content in files.items():
        (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / path).write_text(content, encoding="utf-8")
