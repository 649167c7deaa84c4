"""The tools that people use with the warehouse: the notebook and pgAdmin."""

from __future__ import annotations

import base64
import json
import os
import re
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import yaml

if TYPE_CHECKING:
    from pipelines import Pipeline

PROJECT = Path(__file__).parents[1]
DBT = PROJECT / "transform" / "dbt"
SERVERS = PROJECT / "docker" / "pgadmin" / "servers.json"
PNG = b"\x89PNG\r\n"


def connection(pipeline: Pipeline) -> dict[str, str]:
    """The database as `.env` would name it."""
    parts = urlsplit(pipeline.url)
    return {
        "POSTGRES_HOST": parse_qs(parts.query)["host"][0],
        "POSTGRES_USER": str(parts.username),
        "POSTGRES_DB": parts.path.lstrip("/"),
    }


def shown(pipeline: Pipeline, folder: Path) -> list[dict[str, Any]]:
    """What the notebook shows of a database."""
    command = [sys.executable, "-m", "pennylane_launcher", "notebook", "nbconvert", "--execute"]
    options = ["--to", "notebook", "--output-dir", str(folder), "notebook/books.ipynb"]
    done = subprocess.run(
        [*command, *options],
        cwd=PROJECT,
        env=os.environ | connection(pipeline) | {"HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    page = json.loads((folder / "books.ipynb").read_text(encoding="utf-8"))
    outputs = [output for cell in page["cells"] for output in cell.get("outputs", [])]
    assert all("data" in output for output in outputs), outputs  # no warnings
    return [output["data"] for output in outputs]


def test_the_notebook_draws_what_the_views_say(books: Pipeline, tmp_path: Path) -> None:
    found = shown(books, tmp_path)
    pictures = [base64.b64decode(data["image/png"]) for data in found if "image/png" in data]
    assert len(pictures) == 4
    assert all(picture.startswith(PNG) and len(picture) > 5000 for picture in pictures)
    balances, statement = ("".join(data["text/html"]) for data in found if "text/html" in data)
    for account in books.query("SELECT balance FROM pennylane_live.bank_accounts"):
        assert f"<td>{account['balance']:.2f}</td>" in balances
    years = books.query(
        "SELECT sum(result) AS result FROM pennylane_marts.monthly_profit_and_loss "
        "GROUP BY fiscal_year"
    )
    assert len(years) == 3
    for year in years:
        assert f">{year['result']:,.2f}</td>" in statement


def test_the_report_is_one_page_for_its_owner_without_code(books: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "books.html"
    done = subprocess.run(
        [sys.executable, "-m", "pennylane_launcher", "report", str(path)],
        cwd=PROJECT,
        env=os.environ | connection(books) | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"Open it in a browser: {path}" in done.stdout
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    page = path.read_text(encoding="utf-8")
    assert (
        len(re.findall(r"<img[^>]*\bsrc=.data:image/png;base64,", page)) == page.count("<img") == 4
    )
    assert "read_sql" not in page
    assert not re.search(r"<(?:script|link)[^>]* (?:src|href)=.?http", page)


def test_the_notebook_runs_on_books_without_a_line(books: Pipeline, tmp_path: Path) -> None:
    empty = books.copy()
    with psycopg.connect(empty.url) as connection:
        for table in ("ledger_entry_lines", "customer_invoices", "bank_accounts"):
            connection.execute(f"UPDATE pennylane.{table} SET _sdc_deleted_at = now()".encode())  # noqa: S608
    assert sum("image/png" in data for data in shown(empty, tmp_path)) == 4


def test_the_notebook_is_kept_without_what_it_showed() -> None:
    page = json.loads((PROJECT / "notebook" / "books.ipynb").read_text(encoding="utf-8"))
    assert all(not cell["outputs"] for cell in page["cells"] if cell["cell_type"] == "code")


def exposed(name: str) -> set[str]:
    """What an exposure reads: views and raw tables, by their names in PostgreSQL."""
    text = (DBT / "models" / "_exposures.yml").read_text(encoding="utf-8")
    (reads,) = (
        each["depends_on"] for each in yaml.safe_load(text)["exposures"] if each["name"] == name
    )
    return {re.findall(r"\w+", each)[-1].removeprefix("stg_pennylane__") for each in reads}


def known() -> set[str]:
    """The views that dbt builds; raw tables have the names of the live views."""
    models = (DBT / "models").rglob("*.sql")
    return {path.stem.removeprefix("stg_pennylane__") for path in models}


def test_the_notebook_and_the_report_read_what_their_exposures_say() -> None:
    page = json.loads((PROJECT / "notebook" / "books.ipynb").read_text(encoding="utf-8"))
    code = "".join(line for cell in page["cells"] for line in cell["source"])
    read = known().intersection(re.findall(r"\b(?:FROM|JOIN) (?:\w+\.)?(\w+)", code))
    assert len(read) > 3
    assert exposed("pennylane_notebook") == exposed("pennylane_report") == read


def test_check_health_reads_what_its_exposure_says() -> None:
    launcher = PROJECT / "launcher" / "pennylane_launcher"
    named = {
        name
        for file in ("monitoring/facts.py", "books/proof.py")
        for name in re.findall(r"\"(\w+)\"", (launcher / file).read_text(encoding="utf-8"))
    }
    assert exposed("pennylane_check_health") == known() & named


def test_pgadmin_takes_its_server(tmp_path: Path) -> None:
    python = PROJECT / ".cache" / "pgadmin" / "bin" / "python"
    (program,) = (python.parents[1] / "lib").glob("python3*/site-packages/pgadmin4/setup.py")
    # As on a desktop, where everything is below the home folder.
    desktop = "import builtins, runpy, sys; builtins.SERVER_MODE = False; del sys.argv[0]; "
    begin = f"{desktop}runpy.run_path(sys.argv[0], run_name='__main__')"
    for arguments in (["setup-db"], ["load-servers", str(SERVERS)]):
        subprocess.run(
            [str(python), "-c", begin, str(program), *arguments],
            env={"HOME": str(tmp_path), "PATH": os.defpath, "PYTHONPATH": str(program.parent)},
            capture_output=True,
            check=True,
        )
    with sqlite3.connect(tmp_path / ".pgadmin" / "pgadmin4.db") as database:
        rows = database.execute("SELECT name, host, port, maintenance_db, username FROM server")
        assert rows.fetchall() == [("Pennylane", "postgres", 5432, "pennylane", "pennylane_reader")]
    database.close()
