"""The second reading of a FEC: each thing that article A47 A-1 does not want is named."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from pennylane_launcher.books import fec_verdict, siren

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

NAME = "732829320FEC20251231.txt"
HEAD = [
    *("JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib"),
    *("CompAuxNum", "CompAuxLib", "PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit"),
    *("EcritureLet", "DateLet", "ValidDate", "Montantdevise", "Idevise"),
]
Lines = list[list[str]]


def line(journal: str, number: str, day: str, account: str, debit: str, credit: str) -> list[str]:
    label = {"AN": "À-nouveaux", "VT": "Ventes", "OD": "Opérations diverses"}[journal]
    auxiliary = ["41100001", "Client"] if account == "411" else ["", ""]
    lettering = ["L1", "20250301"] if account == "411" else ["", ""]
    return [
        *(journal, label, number, day, account, "Compte", *auxiliary, "F-1", day, "Libellé"),
        *(debit, credit, *lettering, day, "", ""),
    ]


def good() -> Lines:
    """Three entries in order: opening balances, a sale, and a purchase."""
    return [
        line("AN", "1", "20250101", "512000", "100,00", "0,00"),
        line("AN", "1", "20250101", "101000", "0,00", "100,00"),
        line("VT", "2", "20250210", "411", "120,00", "0,00"),
        line("VT", "2", "20250210", "706000", "0,00", "100,00"),
        line("VT", "2", "20250210", "445710", "0,00", "20,00"),
        line("OD", "3", "20250209", "606000", "30,05", "0,00"),
        line("OD", "3", "20250209", "512000", "0,00", "30,05"),
    ]


def read(
    path: Path,
    lines: Sequence[Sequence[str]],
    *,
    head: Sequence[str] = HEAD,
    encoding: str = "utf-8",
    given: fec_verdict.Given | None = None,
) -> fec_verdict.Verdict:
    text = "".join("\t".join(each) + "\n" for each in [head, *lines])
    path.write_bytes(text.encode(encoding))
    return fec_verdict.read(path, start=date(2025, 1, 1), end=date(2025, 12, 31), given=given)


def test_a_file_that_complies(tmp_path: Path) -> None:
    verdict = read(tmp_path / NAME, good())
    assert verdict.findings == []
    assert verdict.complies
    assert (verdict.lines, verdict.entries) == (7, 3)
    assert (verdict.debit, verdict.credit, verdict.result) == (25005, 25005, 6995)
    assert verdict.journals == {
        "AN": "À-nouveaux",
        "VT": "Ventes",
        "OD": "Opérations diverses",
    }
    assert verdict.longest == max(len("\t".join(each).encode()) for each in [HEAD, *good()])


def put(place: int, field: str, value: str) -> Callable[[Lines], None]:
    def change(lines: Lines) -> None:
        lines[place][HEAD.index(field)] = value

    return change


def closing(lines: Lines) -> None:
    lines += [
        line("OD", "4", "20251231", "706000", "100,00", "0,00"),
        line("OD", "4", "20251231", "606000", "0,00", "30,05"),
        line("OD", "4", "20251231", "120000", "0,00", "69,95"),
    ]


def late_opening(lines: Lines) -> None:
    lines += [
        line("AN", "4", "20250101", "512000", "1,00", "0,00"),
        line("AN", "4", "20250101", "101000", "0,00", "1,00"),
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put(2, "Debit", "120.00"), "the amount '120.00' is not like 1234,56 (XII-2°): line 4"),
        (put(2, "Debit", "1 120,00"), "the amount '1 120,00' is not like 1234,56 (XII-2°)"),
        (put(2, "Debit", "121,00"), "an entry does not balance: VT 2"),
        (put(2, "Debit", ""), "Debit is blank (VII-1°): line 4"),
        (put(3, "EcritureLib", ""), "EcritureLib is blank (VII-1°): line 5"),
        (put(3, "PieceRef", ""), "PieceRef is blank (VII-1°): line 5"),
        (put(0, "EcritureDate", "2025-01-01"), "EcritureDate is not a date AAAAMMJJ (XII-4°)"),
        (put(0, "PieceDate", "20250230"), "PieceDate is not a date AAAAMMJJ (XII-4°): line 2"),
        (put(0, "PieceDate", "2025W011"), "PieceDate is not a date AAAAMMJJ (XII-4°): line 2"),
        (put(0, "EcritureDate", "20241231"), "EcritureDate is outside the fiscal year (VII-1°)"),
        (put(1, "EcritureDate", "20250102"), "an entry has several dates: line 3"),
        (put(2, "CompAuxLib", ""), "CompAuxNum and CompAuxLib are not both there: line 4"),
        (put(2, "DateLet", ""), "EcritureLet and DateLet are not both there: line 4"),
        (put(2, "Idevise", "USD"), "Montantdevise and Idevise are not both there: line 4"),
        (put(0, "CompteNum", "C12"), "CompteNum does not begin with three digits of the plan"),
        (lambda lines: lines[5:] and lines.insert(2, lines.pop()), "are not together: line 8"),
        (lambda lines: lines.extend([lines.pop(2)]), "the lines of entry VT 2 are not together"),
        (lambda lines: lines.append([*lines[0], ""]), "a line does not have 18 fields (VII-1°)"),
        (lambda lines: lines.clear(), "the file has no entry"),
        (lambda lines: lines.__delitem__(slice(2, 5)), "EcritureNum is not continuous: 2 is"),
        (late_opening, "an opening entry (à-nouveaux) follows other entries (VII-3°): line 9"),
        (closing, "an entry closes classes 6 and 7 (VII-1°): OD 4"),
    ],
)
def test_what_the_article_does_not_want(
    tmp_path: Path, change: Callable[[Lines], None], said: str
) -> None:
    lines = good()
    change(lines)
    verdict = read(tmp_path / NAME, lines)
    assert not verdict.complies
    assert [each for each in verdict.findings if said in each.text and each.is_error], (
        verdict.findings
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fec.txt", "is not <SIREN>FEC<AAAAMMJJ>.txt"),
        ("732829321FEC20251231.txt", "does not begin with a SIREN"),
        ("732829320FEC20251130.txt", "has another date than the year's last day"),
    ],
)
def test_the_name_of_the_file(tmp_path: Path, name: str, said: str) -> None:
    (finding,) = read(tmp_path / name, good()).findings
    assert said in finding.text
    assert finding.is_error


def test_the_form_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / NAME
    assert not read(path, good(), head=[*HEAD[1:], HEAD[0]]).complies
    assert not read(path, good(), encoding="iso8859-15").complies
    marked = read(path, good(), encoding="utf-8-sig")
    assert "the first line does not name the 18 fields" in marked.findings[0].text
    lines = [f"{number}\t" for number in range(2000)]
    path.write_text("\n".join(lines))
    (_, *findings) = fec_verdict.read(path, start=date(2025, 1, 1), end=date(2025, 12, 31)).findings
    assert "a line does not have 18 fields (VII-1°): line 2, line 3, line 4 and 1,996 more" in [
        each.text for each in findings
    ]


def test_what_an_accountant_must_know(tmp_path: Path) -> None:
    path = tmp_path / NAME
    lines = good()
    for each in lines[:3]:
        each[HEAD.index("ValidDate")] = ""
    (finding,) = read(path, lines).findings
    assert (finding.text, finding.is_error) == ("3 of 7 lines have no ValidDate", False)

    # The entry of a missing number was deleted after it had been given.
    lines = good()
    del lines[2:5]
    known = read(path, lines, given=lambda numbers: [n for n in numbers if n == 2])
    assert known.complies
    assert "EcritureNum 2 is missing: the entry has left the books since" in known.findings[0].text

    # The opening balances were posted when the other entries had their numbers.
    lines = [*good()[2:], *good()[:2]]
    for each, number in zip(lines, "1112233", strict=True):
        each[HEAD.index("EcritureNum")] = number
    late = read(path, [*lines[5:], *lines[:5]])
    assert late.complies
    assert "opening entries (à-nouveaux) came after others" in late.findings[0].text


def test_numbers_that_each_journal_has_for_itself(tmp_path: Path) -> None:
    lines = good()
    for each in lines:
        each[HEAD.index("EcritureNum")] = "1"
    assert read(tmp_path / NAME, lines).findings == []
    lines[-1][0] = lines[-2][0] = "VT"
    assert not read(tmp_path / NAME, lines).complies


@pytest.mark.parametrize(
    ("registration", "found"),
    [
        ("732829320", "732829320"),
        (" 732 829 320 ", "732829320"),
        ("732\u00a0829\u00a0320 00074", "732829320"),
        ("732829321", None),
        ("73282932", None),
        ("7328293200", None),
        ("000000000", None),
        ("DE129273398", None),
        ("", None),
        (None, None),
    ],
)
def test_the_siren_of_a_registration_number(registration: str | None, found: str | None) -> None:
    assert siren.of(registration) == found
