"""Reads a FEC as article A47 A-1 of the Livre des procédures fiscales describes it.

This is a second reading of the article: it knows neither the database nor the SQL that wrote the
file, so that a mistake in one is seen by the other.
"""

import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path

from pennylane_launcher.books import siren

COLUMNS = (
    "JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib",
    "CompAuxNum", "CompAuxLib", "PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit",
    "EcritureLet", "DateLet", "ValidDate", "Montantdevise", "Idevise",
)  # fmt: skip
"""VII-1°: the 18 fields, in their order."""
REQUIRED = tuple(COLUMNS.index(name) for name in COLUMNS if name not in {
    "CompAuxNum", "CompAuxLib", "EcritureLet", "DateLet", "ValidDate", "Montantdevise", "Idevise",
})  # fmt: skip
"""The fields that the article does not allow to be blank; ValidDate is counted separately."""
TOGETHER = tuple(
    (COLUMNS.index(one), COLUMNS.index(other))
    for one, other in (
        ("CompAuxNum", "CompAuxLib"),
        ("EcritureLet", "DateLet"),
        ("Montantdevise", "Idevise"),
    )
)
DATES = tuple(COLUMNS.index(name) for name in COLUMNS if "Date" in name)
DAY, ACCOUNT, VALID, DEBIT, CREDIT = map(
    COLUMNS.index, ("EcritureDate", "CompteNum", "ValidDate", "Debit", "Credit")
)
NAME = re.compile(r"(\d{9})FEC(\d{8})\.txt", re.ASCII)
SHOWN = 3
"""How many places of a finding are named; the others are counted."""

_AMOUNT = re.compile(r"[+-]?\d+(,\d{1,2})?", re.ASCII)
_ACCOUNT = re.compile(r"[1-8]\d\d", re.ASCII)
_OPENING_CODES = {"AN", "ANO", "ANOU", "RAN", "OUV", "BO"}
_OPENING_NAME = re.compile(r"\b[aà][ -]+nouveau|\bouverture", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """Something that the article does not want, or that an accountant must know."""

    text: str
    is_error: bool = True


@dataclass
class Verdict:
    """What a file holds, and what is wrong with it."""

    lines: int = 0
    entries: int = 0
    debit: int = 0
    """In cents, as all amounts here."""
    credit: int = 0
    result: int = 0
    """Credit minus debit of the classes 6 and 7."""
    without_validation: int = 0
    longest: int = 0
    """Bytes of the longest line, without its end."""
    journals: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def complies(self) -> bool:
        """Whether nothing contradicts the article."""
        return not any(finding.is_error for finding in self.findings)


Given = Callable[[Sequence[int]], Collection[int]]
"""Tells which numbers an entry was once given."""


def read(path: Path, *, start: date, end: date, given: Given | None = None) -> Verdict:
    """Read a file.

    Args:
        path: the file.
        start: first day of the fiscal year.
        end: its last day.
        given: tells which of the missing numbers an entry had, before it left the books.
    """
    reading = _Reading(start, end)
    reading.name(path.name)
    with path.open("rb") as file:
        for place, raw in enumerate(file, 1):
            reading.record(place, raw)
    reading.conclude(given or (lambda _: ()))
    return reading.verdict


@dataclass
class _Entry:
    journal: str
    number: str
    day: str
    is_opening: bool
    balance: int = 0
    classes: set[str] = field(default_factory=set)


class _Reading:
    """The state of reading one file, line by line."""

    def __init__(self, start: date, end: date) -> None:
        self.verdict = Verdict()
        self._first, self._last = f"{start:%Y%m%d}", f"{end:%Y%m%d}"
        self._places: dict[str, list[int | str]] = defaultdict(list)
        self._counts: dict[str, int] = defaultdict(int)
        self._entry: _Entry | None = None
        self._seen: dict[str, set[str]] = defaultdict(set)
        self._numbers: dict[str, array[int]] = defaultdict(lambda: array("q"))
        self._opening = array("q")
        self._latest = 0
        self._past_opening = False
        self._numeric = True

    def name(self, name: str) -> None:
        """Check the file's name (IX)."""
        found = NAME.fullmatch(name)
        if not found:
            self._find("the file's name is not <SIREN>FEC<AAAAMMJJ>.txt (IX)", name)
        elif not siren.is_valid(found[1]):
            self._find("the file's name does not begin with a SIREN (IX)", name)
        elif found[2] != self._last:
            self._find("the file's name has another date than the year's last day (IX)", name)

    def record(self, place: int, raw: bytes) -> None:
        """Check one line of the file."""
        if not raw.endswith(b"\n"):
            self._find("a line has no end (VI-1°)", place)
        raw = raw.rstrip(b"\r\n")
        self.verdict.longest = max(self.verdict.longest, len(raw))
        try:
            fields = raw.decode().split("\t")
        except UnicodeDecodeError:
            self._find("a line is not UTF-8 (XII-1°)", place)
            return
        if place == 1:
            if tuple(fields) != COLUMNS:
                self._find("the first line does not name the 18 fields in order (VII-4°)", place)
        elif len(fields) != len(COLUMNS):
            self._find("a line does not have 18 fields (VII-1°)", place)
        else:
            self._line(place, fields)

    def _form(self, place: int, fields: list[str]) -> None:
        """Check what each field must look like."""
        for column in REQUIRED:
            if not fields[column]:
                self._find(f"{COLUMNS[column]} is blank (VII-1°)", place)
        for one, other in TOGETHER:
            if bool(fields[one]) != bool(fields[other]):
                self._find(f"{COLUMNS[one]} and {COLUMNS[other]} are not both there", place)
        for column in DATES:
            if fields[column] and not _is_day(fields[column]):
                self._find(f"{COLUMNS[column]} is not a date AAAAMMJJ (XII-4°)", place)
        if not self._first <= fields[DAY] <= self._last:
            self._find("EcritureDate is outside the fiscal year (VII-1°)", place)
        if not _ACCOUNT.match(fields[ACCOUNT]):
            self._find("CompteNum does not begin with three digits of the plan comptable", place)

    def _line(self, place: int, fields: list[str]) -> None:
        """Add one line to its entry and to the whole."""
        self._form(place, fields)
        verdict = self.verdict
        verdict.lines += 1
        verdict.without_validation += not fields[VALID]
        verdict.journals.setdefault(fields[0], fields[1])
        account = fields[ACCOUNT]
        debit, credit = (self._cents(fields[column], place) for column in (DEBIT, CREDIT))
        verdict.debit += debit
        verdict.credit += credit
        if account[:1] in {"6", "7"}:
            verdict.result += credit - debit
        entry = self._entry
        if entry is None or (entry.journal, entry.number) != (fields[0], fields[2]):
            self._end_entry()
            entry = self._begin_entry(place, fields)
        elif entry.day != fields[DAY]:
            self._find("an entry has several dates", place)
        entry.balance += debit - credit
        entry.classes.add("12" if account.startswith("12") else account[:1])

    def _cents(self, text: str, place: int) -> int:
        if not _AMOUNT.fullmatch(text):
            if text:
                self._find(f"the amount {text!r} is not like 1234,56 (XII-2°)", place)
            return 0
        whole, _, decimals = text.partition(",")
        return int(whole + decimals.ljust(2, "0"))

    def _begin_entry(self, place: int, fields: list[str]) -> _Entry:
        journal, label, number, day = fields[:4]
        opening = journal.upper() in _OPENING_CODES or bool(_OPENING_NAME.search(label))
        self._entry = entry = _Entry(journal, number, day, opening)
        self.verdict.entries += 1
        if number in self._seen[journal]:
            self._find(f"the lines of entry {journal} {number} are not together", place)
        self._seen[journal].add(number)
        if opening and self._past_opening:
            self._find("an opening entry (à-nouveaux) follows other entries (VII-3°)", place)
        if not number.isdecimal():
            self._numeric = False
            return entry
        if self._past_opening and int(number) < self._latest:
            self._find("EcritureNum is lower than the one before", place)
        if opening:
            self._opening.append(int(number))
        else:
            self._past_opening = True
            self._latest = int(number)
        self._numbers[journal].append(int(number))
        return entry

    def _end_entry(self) -> None:
        entry = self._entry
        if entry is None:
            return
        if entry.balance:
            self._find("an entry does not balance", f"{entry.journal} {entry.number}")
        if "12" in entry.classes and {"6", "7"} & entry.classes <= entry.classes <= _RESULT:
            self._find(
                "an entry closes classes 6 and 7 (VII-1°)", f"{entry.journal} {entry.number}"
            )

    def conclude(self, given: Given) -> None:
        """Check what only the whole file tells."""
        self._end_entry()
        verdict = self.verdict
        for text, count in self._counts.items():
            places = ", ".join(map(str, self._places[text]))
            more = f" and {count - SHOWN:,} more" if count > SHOWN else ""
            verdict.findings.append(Finding(f"{text}: {places}{more}"))
        if not verdict.lines:
            verdict.findings.append(Finding("the file has no entry"))
        if verdict.debit != verdict.credit:
            verdict.findings.append(Finding("debits and credits of the file differ"))
        verdict.findings += self._sequence(given)
        if verdict.without_validation:
            text = f"{verdict.without_validation:,} of {verdict.lines:,} lines have no ValidDate"
            verdict.findings.append(Finding(text, is_error=False))

    def _sequence(self, given: Given) -> Iterator[Finding]:
        """Check that the numbers are continuous (VII-1°, 3): in the file, or in each journal."""
        if not self._numeric:
            yield Finding("EcritureNum is not numeric: gaps cannot be seen", is_error=False)
            return
        every = array("q", (number for each in self._numbers.values() for number in each))
        missing = _missing(every)
        if missing is None or missing:
            journals = [_missing(numbers) for numbers in self._numbers.values()]
            if len(journals) > 1 and all(each == [] for each in journals):
                return
        if missing is None:
            yield Finding("EcritureNum is not unique")
            return
        gone = given(missing) if missing else ()
        unknown = [number for number in missing if number not in gone]
        if unknown:
            yield Finding(f"EcritureNum is not continuous: {_listed(unknown)} missing")
        if known := [number for number in missing if number in gone]:
            text = f"EcritureNum {_listed(known)} missing: the entry has left the books since"
            yield Finding(text, is_error=False)
        if set(self._opening) != set(sorted(every)[: len(self._opening)]):
            text = "opening entries (à-nouveaux) came after others had their numbers (VII-3°)"
            yield Finding(text, is_error=False)

    def _find(self, text: str, place: int | str) -> None:
        self._counts[text] += 1
        if len(self._places[text]) < SHOWN:
            self._places[text].append(f"line {place}" if isinstance(place, int) else place)


_RESULT = {"6", "7", "12"}


@lru_cache(maxsize=4096)
def _is_day(text: str) -> bool:
    try:
        return len(text) == len("AAAAMMJJ") and text.isdecimal() and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _missing(numbers: "array[int]") -> list[int] | None:
    """Return what is missing between 1 and the highest number; None if one is there twice."""
    found = set(numbers)
    if len(found) != len(numbers):
        return None
    highest = max(found, default=0)
    if highest == len(found) and min(found, default=1) == 1:
        return []
    return [number for number in range(1, highest) if number not in found]


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:SHOWN]))
    if len(numbers) > SHOWN:
        return f"{shown} and {len(numbers) - SHOWN:,} more are"
    return f"{shown} {'is' if len(numbers) == 1 else 'are'}"
