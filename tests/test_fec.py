"""`make fec`: the legal file of a fiscal year, compared with figures from the API's answers."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pennylane_launcher import meltano
from pennylane_launcher.books import fec
from pennylane_launcher.errors import LauncherError

if TYPE_CHECKING:
    from drafts import Draft
    from pipelines import Pipeline

PROJECT = Path(__file__).parents[1]
COMPANY = 10000001
NAME = "732829320FEC20251231.txt"
HEAD = [
    *("JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib"),
    *("CompAuxNum", "CompAuxLib", "PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit"),
    *("EcritureLet", "DateLet", "ValidDate", "Montantdevise", "Idevise"),
]
NOT_EMPTY = {*HEAD[:6], *HEAD[8:13]}


@dataclass(frozen=True)
class Ledger:
    """A copy of the books, to be changed and written."""

    url: str
    draft: Draft

    def journal(self, code: str) -> int:
        journals = self.draft.ask("SELECT id, journal_code FROM pennylane_live.journals")
        (number,) = (row["id"] for row in journals if row["journal_code"] == code)
        return int(number)

    def write(self, folder: Path, year: str = "2025", **wanted: Any) -> fec.Written:
        return fec.write(self.url, "pennylane", fec.Wanted(year, folder=folder, **wanted))

    def rows(self, folder: Path, year: str = "2025", **wanted: Any) -> list[dict[str, str]]:
        """Write a file and read its lines."""
        return parsed(self.write(folder, year, **wanted).path)


@pytest.fixture
def ledger(own_draft: tuple[Pipeline, Draft]) -> Ledger:
    pipeline, draft = own_draft
    return Ledger(pipeline.url, draft)


def parsed(path: Path) -> list[dict[str, str]]:
    head, *lines = path.read_bytes().decode().removesuffix("\n").split("\n")
    assert head.split("\t") == HEAD
    return [dict(zip(HEAD, line.split("\t"), strict=True)) for line in lines]


def amount(text: str) -> Decimal:
    assert re.fullmatch(r"\d+,\d\d", text)
    return Decimal(text.replace(",", "."))


def test_the_file_holds_what_the_api_answers(books: Pipeline, tmp_path: Path) -> None:
    """Each line of the year, but drafts and the entries that close classes 6 and 7."""
    sandbox = books.sandbox
    journals = {row["id"]: row for row in sandbox.state("journals")}
    entries = {row["id"]: row for row in sandbox.state("ledger_entries")}
    parties = {
        row["ledger_account"]["id"]
        for kind in ("customers", "suppliers")
        for row in sandbox.state(kind)
        if row["ledger_account"]
    }
    lines = defaultdict(list)
    for line in sandbox.state("ledger_entry_lines"):
        if line["date"].startswith("2025"):
            lines[line["ledger_entry"]["id"]].append(line)
    expected: Counter[tuple[Any, ...]] = Counter()
    result = Decimal(0)
    unknown = 0
    for number, found in lines.items():
        entry = entries[number]
        accounts = {line["ledger_account"]["number"] for line in found}
        closes = all(re.match("6|7|12", account) for account in accounts)
        closes = closes and any(account.startswith("12") for account in accounts)
        if entry["status"] in {"draft", "archived"} or closes:
            continue
        for line in found:
            account = line["ledger_account"]["number"]
            auxiliary = line["ledger_account"]["id"] in parties
            debit, credit = Decimal(line["debit"]), Decimal(line["credit"])
            if account[0] in "67":
                result += credit - debit
            unknown += entry["status"] != "complete"
            expected[
                journals[entry["journal_id"]]["code"],
                line["date"].replace("-", ""),
                account[:3] if auxiliary else account,
                account if auxiliary else "",
                entry["invoice_number"] or entry["piece_number"],
                debit,
                credit,
                entry["status"] == "complete",
            ] += 1
    written = fec.write(books.copy().url, "pennylane", fec.Wanted("2025", folder=tmp_path))
    rows = parsed(written.path)
    assert expected.total() > 300
    assert expected == Counter(
        (
            row["JournalCode"],
            row["EcritureDate"],
            row["CompteNum"],
            row["CompAuxNum"],
            row["PieceRef"] if row["PieceRef"] != row["EcritureNum"] else None,
            amount(row["Debit"]),
            amount(row["Credit"]),
            bool(row["ValidDate"]),
        )
        for row in rows
    )
    assert written.path.name == NAME
    assert Decimal(written.verdict.result) / 100 == result
    assert written.verdict.complies, written
    assert written.verdict.without_validation == unknown > 0
    assert f"{unknown} of {len(rows)} lines have no ValidDate" in str(written)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "732829320FEC20251231-description.txt",
        NAME,
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_the_file_follows_its_rules(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Article A47 A-1, even for entries that lack what the file requires."""
    ledger.draft.add("ledger_entries", id=1, date="2025-01-02", journal_id=ledger.journal("OD"))
    ledger.draft.enter(2, "2025-01-02", ledger.journal("OD"), ("6066", "1.5"), ("51209", "-1.5"))
    ledger.draft.connection.execute(
        "UPDATE pennylane.ledger_entries SET piece_number = ' ', "
        "label = E'a\\tb\\r\\n\"c\\u2028\\u20ac\\\\N' WHERE id = 2"
    )
    ledger.draft.connection.execute(
        "UPDATE pennylane.ledger_entry_lines SET label = '' WHERE ledger_entry_id = 2"
    )
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    written = ledger.write(tmp_path)
    assert written.verdict.complies, written
    rows = parsed(written.path)
    for row in rows:
        assert all(row[name] for name in NOT_EMPTY), row
        assert all(re.fullmatch(r"2025\d{4}", row[name]) for name in ("EcritureDate", "PieceDate"))
        assert all(re.fullmatch(r"(\d{8})?", row[name]) for name in ("DateLet", "ValidDate"))
        assert all(re.fullmatch(r"\d+,\d\d", row[name]) for name in ("Debit", "Credit"))
        assert bool(row["EcritureLet"]) == bool(row["DateLet"])
    numbers = [int(row["EcritureNum"]) for row in rows]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, numbers[-1] + 1))
    mine = {row["CompteNum"]: row for row in rows if row["EcritureLib"] == 'a b  "c €\\N'}
    assert mine.keys() == {"6066", "51209"}
    assert mine["6066"]["PieceRef"] == mine["6066"]["EcritureNum"]
    assert mine["6066"]["CompteLib"] == "6066"
    cents = [int(row[side].replace(",", "")) for side in ("Debit", "Credit") for row in rows]
    assert sum(cents[: len(rows)]) == sum(cents[len(rows) :])

    description = (tmp_path / f"{written.path.stem}-description.txt").read_text(encoding="utf-8")
    assert all(f" {name} " in description for name in HEAD)
    assert all(f"  {row['JournalCode']} : {row['JournalLib']}\n" in description for row in rows)
    assert f"{len(rows)} lignes" in description
    longest = max(len(line) for line in written.path.read_bytes().splitlines())
    assert f"{longest} octets" in description


def test_numbers_do_not_move(ledger: Ledger, tmp_path: Path) -> None:
    journal = ledger.journal("OD")
    ledger.draft.enter(1, "2025-06-30", journal, ("606300", "1"), ("512100", "-1"))
    ledger.draft.enter(2, "2025-07-01", journal, ("606300", "2"), ("512100", "-2"))
    before = {
        row["EcritureLib"] + row["PieceRef"]: row["EcritureNum"] for row in ledger.rows(tmp_path)
    }
    asked = "SELECT ledger_entry_id AS id, number FROM fec_entries WHERE date >= '2025-01-01'"
    kept = {row["id"]: row["number"] for row in ledger.draft.ask(asked)}
    highest = max(int(number) for number in before.values())

    # An earlier entry comes late, a draft is finished, and an entry is deleted.
    ledger.draft.enter(3, "2025-01-01", journal, ("606300", "3"), ("512100", "-3"))
    ledger.draft.connection.execute(
        "UPDATE pennylane.ledger_entry_lines SET _sdc_deleted_at = now() WHERE ledger_entry_id = 1"
    )
    written = ledger.write(tmp_path)
    after = {row["id"]: row["number"] for row in ledger.draft.ask(asked)}
    assert after[3] == highest + 1
    assert {number: kept[number] for number in after if number != 3} == {
        number: place for number, place in after.items() if number != 3
    }
    assert 1 not in after
    assert written.verdict.complies
    assert f"-- EcritureNum {kept[1]} is missing: the entry has left the books since" in str(
        written
    )
    assert int(parsed(written.path)[-1]["EcritureNum"]) == highest + 1

    # The view shows the numbers that the next file will have.
    ledger.draft.enter(4, "2025-01-01", journal, ("606300", "4"), ("512100", "-4"))
    (shown,) = ledger.draft.ask("SELECT number FROM fec_entries WHERE ledger_entry_id = 4")
    assert shown["number"] == highest + 2

    renumbered = ledger.write(tmp_path, renumber=True)
    assert renumbered.verdict.entries == highest + 1
    assert "is missing" not in str(renumbered)


def test_what_comes_first_and_what_is_left_out(ledger: Ledger, tmp_path: Path) -> None:
    """A fiscal year of 18 months, which is closed into its result and carried forward."""
    ledger.draft.add("fiscal_years", id=1, start="2030-07-01", finish="2031-12-31", status="closed")
    ledger.draft.add("fiscal_years", id=2, start="2032-01-01", finish="2032-12-31", status="open")
    od, an = ledger.journal("OD"), ledger.journal("AN")
    ledger.draft.enter(
        1, "2030-07-01", od, ("512900", "120"), ("706900", "-100"), ("445719", "-20")
    )
    ledger.draft.enter(2, "2031-12-30", od, ("606900", "30"), ("445669", "6"), ("512900", "-36"))
    ledger.draft.enter(3, "2031-12-31", od, ("706900", "100"), ("606900", "-30"), ("120900", "-70"))
    ledger.draft.enter(4, "2032-01-01", od, ("512900", "1"), ("467000", "-1"), status="entry")
    ledger.draft.enter(5, "2032-01-01", an, ("512900", "84"), ("445719", "-14"), ("120900", "-70"))
    ledger.draft.enter(6, "2032-03-01", od, ("120900", "70"), ("106800", "-70"), status="archived")
    ledger.draft.enter(7, "2032-03-02", od, ("606900", "5"), ("512900", "-5"), status="draft")
    ledger.draft.enter(8, "2032-03-03", od, ("120900", "70"), ("106800", "-70"))
    ledger.draft.enter(9, "2033-05-05", od, ("606900", "1"), ("512900", "-1"))  # in no fiscal year

    long = ledger.write(tmp_path, "2031")
    assert long.path.name == "732829320FEC20311231.txt"
    assert [row["EcritureDate"] for row in parsed(long.path)] == ["20300701"] * 3 + ["20311230"] * 3
    assert {row["ValidDate"] for row in parsed(long.path)} == {"20300701", "20311230"}
    assert long.verdict.result == 7000, "without the entry that closes classes 6 and 7"
    assert "Left out: 3 lines of entries that close classes 6 and 7." in str(long)
    assert "In no fiscal year, and so in no file: 2 lines of the ledger." in str(long)

    rows = ledger.rows(tmp_path, "2032-12-31")
    first = [("1", "AN")] * 3 + [("2", "OD")] * 2 + [("3", "OD")] * 2
    assert [(row["EcritureNum"], row["JournalCode"]) for row in rows] == first
    assert [bool(row["ValidDate"]) for row in rows] == [True] * 3 + [False] * 2 + [True] * 2
    again = ledger.write(tmp_path, "20321231")
    assert "Left out: 2 lines of drafts, 2 lines of archived entries." in str(again)

    # Opening balances that are posted when the numbers are given still come first.
    ledger.draft.enter(10, "2032-01-01", an, ("401000", "2"), ("512900", "-2"))
    late = ledger.write(tmp_path, "2032")
    assert [row["EcritureNum"] for row in parsed(late.path)][:5] == ["1"] * 3 + ["4"] * 2
    assert late.verdict.complies
    assert "opening entries (à-nouveaux) came after others had their numbers" in str(late)


def test_auxiliary_accounts_are_those_of_customers_and_suppliers(draft: Draft) -> None:
    accounts = {
        1: ("401100", "Fournisseurs - effets à payer"),
        2: ("411700", "Clients - retenues de garantie"),
        3: ("411999", "Dupont"),
        4: ("404123", "Machines SA"),
        5: ("411", "Clients"),
        6: ("411000", "Clients divers"),
    }
    draft.enter(1, "2025-01-02", 7000014, *((number, "1") for number, _ in accounts.values()))
    for number, (account, label) in accounts.items():
        draft.add("ledger_accounts", id=number, number=account, label=label)
        draft.connection.execute(
            "UPDATE pennylane.ledger_entry_lines SET ledger_account_id = %s "
            "WHERE ledger_entry_id = 1 AND ledger_account_number = %s",
            [number, account],
        )
    draft.add("customers", id=1, name="Dupont", ledger_account_id=3)
    draft.add("suppliers", id=1, name="Machines SA", ledger_account_id=4)
    draft.add("customers", id=2, name="Also Dupont", ledger_account_id=3)
    draft.add("customers", id=3, name="Anybody", ledger_account_id=6)
    rows = draft.ask(
        'SELECT "CompteNum", "CompteLib", "CompAuxNum", "CompAuxLib" FROM fec '
        "WHERE ledger_entry_id = 1 ORDER BY ledger_entry_line_id"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("401100", "Fournisseurs - effets à payer", None, None),
        ("411700", "Clients - retenues de garantie", None, None),
        ("411", "Clients", "411999", "Dupont"),
        ("404", "Fournisseurs", "404123", "Machines SA"),
        ("411", "Clients", None, None),
        ("411000", "Clients divers", None, None),
    ]


def test_the_reference_is_the_invoice_before_any_number_of_ours(draft: Draft) -> None:
    for number, (invoice, piece) in enumerate(
        [("F-1", "P-1"), ("", "P-2"), (None, "P-3"), (None, None)], 1
    ):
        draft.enter(number, "2025-01-02", 7000014, ("606300", "1"), ("512100", "-1"))
        draft.connection.execute(
            "UPDATE pennylane.ledger_entries SET invoice_number = %s, piece_number = %s "
            "WHERE id = %s",
            [invoice, piece, number],
        )
    rows = draft.ask(
        'SELECT DISTINCT ledger_entry_id, "PieceRef" AS piece, "EcritureNum"::text AS number '
        "FROM fec WHERE ledger_entry_id < 5 ORDER BY 1"
    )
    assert [row["piece"] for row in rows] == ["F-1", "P-2", "P-3", rows[3]["number"]]


def test_a_file_that_breaks_off_leaves_nothing(ledger: Ledger, tmp_path: Path) -> None:
    ledger.draft.enter(1, "2025-12-31", ledger.journal("OD"), ("606300", "1"), ("512100", "-1"))
    ledger.draft.connection.execute(
        "UPDATE pennylane.ledger_entry_lines SET lettered_ledger_entry_lines_ids = '[\"x\"]' "
        "WHERE ledger_entry_id = 1"
    )
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        ledger.write(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert ledger.draft.ask("SELECT FROM pennylane_logs.fec_numbers") == []


def test_what_has_to_be_said_before_a_file_can_be_written(ledger: Ledger, tmp_path: Path) -> None:
    def refused(year: str | None, **wanted: Any) -> str:
        with pytest.raises(LauncherError) as error:
            fec.write(ledger.url, "pennylane", fec.Wanted(year, folder=tmp_path, **wanted))
        return str(error.value)

    for year in ("2019", None, "2025-06-30"):
        assert "Fiscal years end on: 2024-12-31, 2025-12-31, 2026-12-31." in refused(year)
    ledger.draft.add("fiscal_years", id=1, start="2030-01-01", finish="2031-03-31")
    ledger.draft.add("fiscal_years", id=2, start="2031-04-01", finish="2031-12-31")
    assert "in 2031: 2031-03-31, 2031-12-31. Name one" in refused("2031")
    assert "SIREN" in refused("2025", siren="732829321")
    ledger.draft.connection.execute("UPDATE pennylane.company SET company_reg_no = '12345'")
    assert "its registration number (reg_no) is '12345'" in refused("2025")
    assert list(tmp_path.iterdir()) == []
    written = ledger.write(tmp_path, siren="552 100 554 00013")
    assert written.path.name == "552100554FEC20251231.txt"
    assert "Fiscal years end on: none is loaded." in refused("2025", company=1)
    assert ledger.write(tmp_path, company=COMPANY, siren="552100554").verdict.complies
    ledger.draft.connection.execute("DROP VIEW pennylane_marts.fec_entries CASCADE")
    assert "the views are missing" in refused("2025")


def test_the_command_ends_with_the_verdict(ledger: Ledger, tmp_path: Path) -> None:
    def fec_command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pennylane_launcher", "fec", *arguments],
            cwd=PROJECT,
            env=meltano.environment(ledger.url),
            capture_output=True,
            text=True,
            check=False,
        )

    asked = ("2025", "--folder", str(tmp_path / "new"))
    done = fec_command(*asked)
    assert done.returncode == 0, done.stderr
    first, *_, last = done.stdout.splitlines()
    assert first.startswith(f"{tmp_path}/new/{NAME}: ")
    assert last == "Read again by article A47 A-1 of the LPF: nothing contradicts it."
    ledger.draft.enter(1, "2025-01-02", ledger.journal("OD"), ("606300", "1"), ("512100", "-1.01"))
    done = fec_command(*asked)
    assert done.returncode == 1
    assert "!! an entry does not balance: OD " in done.stdout
    assert done.stdout.splitlines()[-1].endswith("IT DOES NOT COMPLY, see !!.")
    done = fec_command("2019")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Name the year in which the fiscal year ends")
