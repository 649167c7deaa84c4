"""Write the staging models from the tap's catalog and the glossary.

python transform/dbt/scripts/generate_staging.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from tap_pennylane.record import DELETED_AT
from tap_pennylane.tap import TapPennylane

SCRIPTS = Path(__file__).parent
PROJECT = SCRIPTS.parent
HEAD = "Made by scripts/generate_staging.py: change the glossary, or the tap, not this file."

TYPES = {"integer": "bigint", "number": "numeric", "boolean": "boolean"}
FORMATS = {"date": "date", "date-time": "timestamp without time zone"}
PREFIX = "stg_pennylane__"
DATABASE = "{{ var('pennylane_database', target.database) }}"
SCHEMA = (
    "{{ var('pennylane_schema', env_var('TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA', '')"
    " or 'pennylane') }}"
)
METADATA = {"_sdc_extracted_at": "_read_at", "_sdc_batched_at": "_loaded_at"}
REFERENCES = {
    "bank_account_id": "bank_accounts",
    "bank_establishment_id": "bank_establishments",
    "billing_subscription_id": "billing_subscriptions",
    "category_group_id": "category_groups",
    "commercial_document_id": "commercial_documents",
    "customer_id": "customers",
    "customer_invoice_id": "customer_invoices",
    "journal_id": "journals",
    "ledger_account_id": "ledger_accounts",
    "ledger_entry_id": "ledger_entries",
    "ledger_entry_line_id": "ledger_entry_lines",
    "supplier_id": "suppliers",
    "supplier_invoice_id": "supplier_invoices",
    "transaction_id": "transactions",
}
"""What a column refers to; what may lie before a start date is left out."""


def files() -> dict[str, str]:
    """The content of every generated file, by name.

    Raises:
        SystemExit: The glossary lacks a column; says which.
    """
    glossary = yaml.safe_load((SCRIPTS / "glossary.yml").read_text(encoding="utf-8"))
    streams = sorted(TapPennylane(validate_config=False).streams.items())
    missing = [
        f"{table}.{column}"
        for table, stream in streams
        for column in live_columns(stream)
        if not glossary["columns"].keys() & {column, f"{table}.{column}"}
    ]
    if missing:
        message = f"scripts/glossary.yml does not say what these mean: {', '.join(missing)}"
        raise SystemExit(message)
    made = {f"{PREFIX}{table}.sql": sql(table, stream, glossary) for table, stream in streams}
    models = [model(table, stream, glossary, streams) for table, stream in streams]
    made["_models.yml"] = dump({"models": models})
    tables = [{"name": table} for table, _ in streams]
    source = {"name": "pennylane", "database": DATABASE, "schema": SCHEMA, "tables": tables}
    source["description"] = "What target-postgres writes: deleted rows too. Ask the views instead."
    made["_sources.yml"] = dump({"sources": [source]})
    return {f"models/staging/{file}": text for file, text in made.items()} | {
        "macros/pennylane_streams.sql": macros(streams)
    }


def macros(streams: list[tuple[str, Any]]) -> str:
    """The streams, the lists of single records, and lists sent under another stream's bookmark."""
    names = [table for table, _ in streams]
    lists = [table for table, stream in streams if parent_key(stream)]
    companions = {
        table: stream.parent.name
        for table, stream in streams
        if "IncludedChildStream" in {base.__name__ for base in type(stream).__mro__}
    }
    lines = [
        f"{{%- macro pennylane_{name}() -%}}{{{{ return({value!r}) }}}}{{%- endmacro -%}}\n"
        for name, value in (("streams", names), ("lists", lists), ("companions", companions))
    ]
    return "".join([f"{{#- {HEAD} -#}}\n", *lines])


def sql(table: str, stream: Any, glossary: dict[str, Any]) -> str:  # noqa: ANN401 - any stream
    """The model of a stream's view."""
    columns = "".join(
        f"    {column!r}: [{kind(definition)!r}, {name(table, column, glossary)!r}],\n"
        for column, definition in live_columns(stream).items()
    )
    parent = f", parent={parent_key(stream)!r}" if parent_key(stream) else ""
    copies = ", copies=true" if "copy" in stream.primary_keys else ""
    return (
        f"{{#- {HEAD} -#}}\n{{{{ config(alias={table!r}) }}}}\n"
        f"{{{{ pennylane_live_rows(source('pennylane', {table!r}), {{\n"
        f"{columns}}}{parent}{copies}) }}}}\n"
    )


def model(
    table: str,
    stream: Any,  # noqa: ANN401 - any stream
    glossary: dict[str, Any],
    streams: list[tuple[str, Any]],
) -> dict[str, Any]:
    """What the view and its columns mean, and what must hold of them."""
    known = {known for known, _ in streams}
    keys = [name(table, key, glossary) for key in stream.primary_keys]
    return {
        "name": f"{PREFIX}{table}",
        "description": (type(stream).__doc__ or "").splitlines()[0],
        "data_tests": [{"pennylane_key": {"arguments": {"columns": keys}}}],
        "columns": [
            described(table, column, glossary, known)
            for column in (*live_columns(stream), *METADATA.values())
        ],
    }


def described(table: str, column: str, glossary: dict[str, Any], known: set[str]) -> dict[str, Any]:
    """What a column means, and what it refers to."""
    meanings = glossary["columns"]
    found: dict[str, Any] = {
        "name": name(table, column, glossary),
        "description": f"{meanings.get(f'{table}.{column}') or meanings[column]}.",
    }
    referred = REFERENCES.get(column)
    if referred in known:
        found["data_tests"] = [{"pennylane_refers_to": {"arguments": {"table": referred}}}]
    return found


def live_columns(stream: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - any stream
    """What live records hold."""
    properties: dict[str, dict[str, Any]] = stream.schema["properties"]
    return {column: each for column, each in properties.items() if column != DELETED_AT}


def name(table: str, column: str, glossary: dict[str, Any]) -> str:
    """The business name of a column."""
    found: str = glossary["names"].get(f"{table}.{column}", column)
    return found


def kind(definition: dict[str, Any]) -> str:
    """The PostgreSQL type that the target gives a property."""
    types = definition["type"]
    json = next(each for each in ([types] if isinstance(types, str) else types) if each != "null")
    if json in {"array", "object"}:
        return "jsonb"
    return TYPES.get(json) or FORMATS.get(definition.get("format", ""), "text")


def parent_key(stream: Any) -> str | None:  # noqa: ANN401 - any stream
    """The key of the parent, if the stream is the list of one."""
    match tuple(stream.primary_keys):
        case (parent, *_, "id"):
            return str(parent)
    return None


def dump(content: dict[str, Any]) -> str:
    """YAML, readable."""
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    return f"# {HEAD}\n{text}"


def stale() -> list[str]:
    """The generated files that are not as they would be made now."""
    wanted = files()
    found = {str(path.relative_to(PROJECT)) for path in (PROJECT / "models/staging").iterdir()}
    return sorted(
        file
        for file in wanted.keys() | found
        if file not in wanted
        or not (PROJECT / file).exists()
        or (PROJECT / file).read_text(encoding="utf-8") != wanted[file]
    )


if __name__ == "__main__":
    made = files()
    for file in stale():
        if file in made:
            (PROJECT / file).write_text(made[file], encoding="utf-8")
        else:
            (PROJECT / file).unlink()
