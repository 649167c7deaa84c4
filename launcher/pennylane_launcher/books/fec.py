"""`make fec`: the legal file of a fiscal year (fichier des écritures comptables), and a verdict."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO

import psycopg

from pennylane_launcher.books import fec_description, fec_verdict, siren
from pennylane_launcher.books.fec_source import FecSource, FiscalYear
from pennylane_launcher.books.fec_verdict import Verdict
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.postgres.database import data

FOLDER = "fec"


@dataclass(frozen=True)
class Wanted:
    """Which file to write, and where to.

    Attributes:
        year: the year in which the fiscal year ends, or its last day; None if nobody said.
        company: the company's id, if the warehouse holds several.
        siren: the company's SIREN, instead of the one that Pennylane knows.
        folder: where to.
        from_lines: write it from the lines even if Pennylane's own file is loaded.
        renumber: give all entries of the fiscal year new numbers.
    """

    year: str | None = None
    company: int | None = None
    siren: str | None = None
    folder: Path = Path(FOLDER)
    from_lines: bool = False
    renumber: bool = False


@dataclass(frozen=True)
class Written:
    """The file, and what is to be said about it."""

    path: Path
    verdict: Verdict
    notes: Sequence[str]

    def __str__(self) -> str:
        """Return the verdict as text."""
        verdict = self.verdict
        sign = "=" if verdict.debit == verdict.credit else "≠"
        head = (
            f"{self.path}: {verdict.lines:,} lines, {verdict.entries:,} entries, debit"
            f" {_euros(verdict.debit)} {sign} credit {_euros(verdict.credit)}, result"
            f" {_euros(verdict.result)}."
        )
        findings = [f"{'!!' if each.is_error else '--'} {each.text}." for each in verdict.findings]
        last = "nothing contradicts it." if verdict.complies else "IT DOES NOT COMPLY, see !!."
        return "\n".join(
            [head, *self.notes, *findings, f"Read again by article A47 A-1 of the LPF: {last}"]
        )


def fec(project: Path, *, demo: bool, wanted: Wanted) -> int:
    """Write the file of a fiscal year, and its description, and print the verdict on it.

    Args:
        project: the project's folder.
        demo: of the demo's company.
        wanted: which file.

    Returns:
        0 if nothing contradicts the article, otherwise 1.

    Raises:
        LauncherError: the fiscal year, the company or its SIREN is not known.
    """
    with data(project, demo=demo) as (url, schema):
        written = write(url, schema, wanted)
    print(written)
    return 0 if written.verdict.complies else 1


def write(url: str, schema: str, wanted: Wanted) -> Written:
    """Write the file and its description.

    Args:
        url: libpq URL of the database.
        schema: the schema of the raw tables.
        wanted: which file.

    Raises:
        LauncherError: the fiscal year, the company or its SIREN is not known.
    """
    with psycopg.connect(url) as connection:
        source = FecSource(connection, schema)
        year = _fiscal_year(source.fiscal_years(), wanted)
        number = _siren(year, wanted)
        is_pennylanes = not wanted.from_lines and source.has_pennylanes_file(year)
        wanted.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = wanted.folder / f"{number}FEC{year.end:%Y%m%d}.txt"
        with _new(path) as file:
            if is_pennylanes:
                source.copy_pennylanes(year, file)
            else:
                source.copy_lines(year, file, renumber=wanted.renumber)
        verdict = fec_verdict.read(
            path, start=year.start, end=year.end, given=lambda gaps: source.given(year, gaps)
        )
        notes = source.compared(year) if is_pennylanes else source.left_out(year, verdict.lines)
    described = fec_description.Described(
        name=path.name,
        company=year.name,
        siren=number,
        start=year.start,
        end=year.end,
        lines=verdict.lines,
        entries=verdict.entries,
        longest=verdict.longest,
        line_end="retour chariot et fin de ligne" if is_pennylanes else "fin de ligne",
        journals=verdict.journals,
        is_pennylanes=is_pennylanes,
    )
    with _new(path.with_name(f"{path.stem}-description.txt")) as file:
        file.write(fec_description.text(described).encode())
    return Written(path, verdict, notes)


def _fiscal_year(years: Sequence[FiscalYear], wanted: Wanted) -> FiscalYear:
    if wanted.company is not None:
        years = [year for year in years if year.company == wanted.company]
    companies = sorted({f"{year.company} ({year.name})" for year in years})
    if len(companies) > 1:
        msg = (
            "The warehouse holds several companies: name one with ARGS='--company …'. They are"
            f" {', '.join(companies)}."
        )
        raise LauncherError(msg)
    found = [year for year in years if _is_meant(year.end, wanted.year)]
    if len(found) == 1:
        return found[0]
    if found:
        msg = (
            f"Several fiscal years end in {wanted.year}: {_last_days(found)}. Name one by its last"
            f" day: `make fec YEAR={found[-1].end}`."
        )
        raise LauncherError(msg)
    msg = (
        "Name the year in which the fiscal year ends, for example `make fec YEAR=2025`. Fiscal"
        f" years end on: {_last_days(years) or 'none is loaded'}."
    )
    raise LauncherError(msg)


def _is_meant(end: date, year: str | None) -> bool:
    return year in {f"{end:%Y}", f"{end:%Y%m%d}", str(end)}


def _last_days(years: Sequence[FiscalYear]) -> str:
    return ", ".join(str(year.end) for year in years)


def _siren(year: FiscalYear, wanted: Wanted) -> str:
    registration = wanted.siren or year.registration or ""
    if number := siren.of(registration):
        return number
    msg = (
        "The name of the FEC begins with the company's SIREN, nine digits whose last one checks"
        f" the others, but its registration number (reg_no) is '{registration}'. Correct it in"
        " Pennylane and run again, or add ARGS='--siren …'."
    )
    raise LauncherError(msg)


@contextmanager
def _new(path: Path) -> Iterator[IO[bytes]]:
    """Create a file that only its owner can read, and that appears when it is complete."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    descriptor = os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _euros(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100:,}.{abs(cents) % 100:02}"
