"""The file `companies.yml`: what it may say, and the sentence for everything else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg
import pytest
from pennylane_launcher.errors import SettingsError
from pennylane_launcher.postgres import database
from pennylane_launcher.settings import companies, weak
from pennylane_launcher.settings.redaction import Secrets

if TYPE_CHECKING:
    from pathlib import Path

    from pennylane_launcher.postgres import embedded

TOKENS = {"DUPONT_TOKEN": "the-token-of-dupont", "MARTIN": "the-token-of-martin"}


def write(project: Path, text: str) -> Path:
    (project / "companies.yml").write_text(text, encoding="utf-8")
    return project


def test_a_company_takes_one_line(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the-token-of-a-file\n\n")
    lines = [f"client_{number}: {{token: TOKEN_{number}}}" for number in range(101)]
    given = {f"TOKEN_{number}": f"token-of-{number}" for number in range(101)}
    lines.append(f"other: {{token_file: {secret}, schema: books}}")
    found = companies.chosen(write(tmp_path, "\n".join(lines)), given)
    assert len(found) == 102
    assert found[100].company.schema == "pennylane_client_100"
    assert found[100].token == "token-of-100"  # noqa: S105
    assert found[101].company.schema == "books"
    assert found[101].token == "the-token-of-a-file"  # noqa: S105
    assert "token-of" not in repr(found)
    (one,) = companies.chosen(tmp_path, given, ["client_7"])
    variables = one.variables(tmp_path)
    assert variables["TAP_PENNYLANE_API_TOKEN"] == "token-of-7"  # noqa: S105
    assert variables["TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA"] == "pennylane_client_7"
    assert variables["MELTANO_RUN_STATE_ID_SUFFIX"] == "client_7"


def test_settings_of_the_tap_may_differ(tmp_path: Path) -> None:
    """The firm's token beside those of companies, a date, a limit."""
    settings = "{api: firm, start_date: 2024-01-01, exclude_company_ids: [1, 2], page_size: 50}"
    write(tmp_path, f"firm: {{token: MARTIN, settings: {settings}}}")
    (firm,) = companies.chosen(tmp_path, TOKENS)
    expected = {
        "TAP_PENNYLANE_API": "firm",
        "TAP_PENNYLANE_START_DATE": "2024-01-01",
        "TAP_PENNYLANE_EXCLUDE_COMPANY_IDS": "[1, 2]",
        "TAP_PENNYLANE_PAGE_SIZE": "50",
    }
    assert expected.items() <= firm.variables(tmp_path).items()


def test_a_company_that_is_loaded_already_is_known_by_its_id(
    tmp_path: Path, postgres: embedded.Server
) -> None:
    url = postgres.url("twins")
    names = ("a", "b", "firm", "c", "unknown")
    write(tmp_path, "\n".join(f"{name}: {{token: {name.upper()}}}" for name in names))
    assert database.twins(url, companies.read(tmp_path)) == {}
    columns = "bigint, {}name text, _sdc_deleted_at timestamp"
    with psycopg.connect(url) as connection:
        for name, ids in {"a": [1], "b": [1], "c": [3]}.items():
            raw = f"pennylane_{name}.company"
            connection.execute(f"create schema pennylane_{name}".encode())
            made = f"create table {raw} (company_id {columns.format('company_')})"
            connection.execute(made.encode())
            for each in ids:
                insert = f"insert into {raw} values ({each}, 'N{each}')"  # noqa: S608
                connection.execute(insert.encode())
        connection.execute(b"create schema pennylane_firm")
        made = f"create table pennylane_firm.companies (id {columns.format('')})"
        connection.execute(made.encode())
        rows = "(2, 'N2', null), (3, 'N3', null), (1, 'N1', now())"
        insert = f"insert into pennylane_firm.companies values {rows}"  # noqa: S608
        connection.execute(insert.encode())
    found = database.twins(url, companies.read(tmp_path))
    assert {name: why.partition(". ")[0] for name, why in found.items()} == {
        "b": "its token belongs to a company that 'a' reads already: N1 (1)",
        "c": "its token belongs to a company that 'firm' reads already: N3 (3)",
    }
    # Without these tables, the bookmarks beside the others tell.
    partitions = [{"context": {"company_id": each}, "read_at": "x"} for each in (2, 3)]
    with psycopg.connect(url) as connection:
        connection.execute(b"drop table pennylane_b.company, pennylane_firm.companies")
        for name, bookmark in {"b": {"company": 1}, "firm": {"partitions": partitions}}.items():
            table = f"pennylane_{name}._sdc_deliveries"
            columns = "table_name text, version bigint, bookmark jsonb"
            connection.execute(f"create table {table} ({columns})".encode())
            insert = f"insert into {table} values ('journals', 1, null), ('customers', 1, %s)"  # noqa: S608
            connection.execute(insert.encode(), [json.dumps(bookmark)])
    found = database.twins(url, companies.read(tmp_path))
    assert {name: why.partition(". ")[0] for name, why in found.items()} == {
        "b": "its token belongs to a company that 'a' reads already: the one with the id 1",
        "c": "its token belongs to a company that 'firm' reads already: N3 (3)",
    }
    variables = database.of_companies(tmp_path, url, {"DBT_PENNYLANE_SCHEMAS": "own, pennylane_b"})
    assert variables["DBT_PENNYLANE_SCHEMAS"].split(",") == [
        "own", "pennylane_a", "pennylane_firm", "pennylane_unknown",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dupont: {token: DUPONT_TOKEN, tokn: X}", "'dupont': there is no 'tokn'"),
        ("dupont: {token: NOWHERE}", "'dupont': NOWHERE is not set"),
        ("dupont: {token: the-token-of-dupont}", "'dupont': token is the name of a variable"),
        ("dupont: {token_file: missing}", "'dupont': {}/missing cannot be read: No such file"),
        ("dupont: {token_file: empty}", "'dupont': {}/empty is empty"),
        ("dupont: {token: MARTIN, token_file: empty}", "'dupont': it has either token or"),
        ("dupont: {schema: a}", "'dupont': it has either token or token_file"),
        ("dupont: DUPONT_TOKEN", "'dupont': write `dupont: {{token: DUPONT_TOKEN}}`"),
        ("Dupont SA: {token: MARTIN}", "'Dupont SA': a name has at most 40 letters"),
        ("1: {token: MARTIN}", "'1': a name has at most 40 letters"),
        ("a: {token: MARTIN, schema: A-B}", "'a': no schema can be called 'A-B'"),
        ("a: {token: MARTIN, schema: meltano}", "'a': schema 'meltano' is used by the pipeline"),
        ("live: {token: MARTIN}", "'live': schema 'pennylane_live' is used by the pipeline"),
        (
            "a: {token: DUPONT_TOKEN}\nb: {token: MARTIN, schema: pennylane_a}",
            "'b': schema 'pennylane_a' is of 'a': give one of its own",
        ),
        (
            "a: {token: DUPONT_TOKEN}\na_history: {token: MARTIN}",
            "'a_history': schema 'pennylane_a_history' is of 'a'",
        ),
        (
            "a: {token: MARTIN}\nb: {token_file: martin}",
            "'b': its token is also that of 'a': remove one of the two",
        ),
        ("a: {token: MARTIN}\na: {token: DUPONT_TOKEN}", "it has two lines for 'a'"),
        ("a: {token: MARTIN, settings: {api_token: X}}", "'a': its token is not one of the"),
        ("a: {token: MARTIN, settings: [api]}", "'a': settings are those of the tap"),
        ("a: {token: MARTIN", "companies.yml cannot be read: while parsing a flow mapping"),
        ("- a\n- b", "companies.yml does not list companies"),
        ("# nothing yet", "companies.yml names no company"),
    ],
)
def test_everything_else_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "martin").write_text("  the-token-of-martin\n")
    with pytest.raises(SettingsError) as refused:
        companies.chosen(write(tmp_path, text), TOKENS)
    assert said.format(tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "the-token" not in str(refused.value)


def test_a_company_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no companies\.yml here"):
        companies.chosen(tmp_path, TOKENS, ["dupont"])
    write(tmp_path, "dupont: {token: DUPONT_TOKEN}")
    with pytest.raises(SettingsError, match=r"has no company 'martin'\. It has dupont\."):
        companies.chosen(tmp_path, TOKENS, ["martin"])


def test_the_token_of_another_company_matters_only_if_it_is_the_same(tmp_path: Path) -> None:
    write(tmp_path, "a: {token: MARTIN}\nb: {token: NOWHERE}\nc: {token: TWIN}\nd: {token: TWIN}")
    given = TOKENS | {"TWIN": "the-token-of-twins"}
    assert len(companies.chosen(tmp_path, given, ["a"])) == 1
    with pytest.raises(SettingsError, match="'d': its token is also that of 'c'"):
        companies.chosen(tmp_path, given, ["c"])


def test_the_tokens_are_hidden(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("the-token-in-a-file\n")
    write(tmp_path, "a: {token: MARTIN}\nb_file: {token_file: file}\nc: {token: SHORT}")
    settings = TOKENS | {"SHORT": "abc"}
    secrets = Secrets(tmp_path, settings)
    assert secrets.hide("the-token-of-martin, the-token-in-a-file") == "***, ***"
    with pytest.raises(SettingsError, match="token of company 'c' is shorter than 6"):
        weak.refuse_tokens(tmp_path, settings, companies.chosen(tmp_path, settings))


def test_the_views_are_of_all_companies(tmp_path: Path) -> None:
    write(tmp_path, "a: {token: A}\nb: {token: B, schema: books}")
    found = companies.schemas(companies.read(tmp_path), "firm, books")
    assert found == "firm,books,pennylane_a"
