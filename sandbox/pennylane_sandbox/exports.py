"""Exports of the ledger: ordered, pending, then ready and available for a while."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any, Final

from xlsxwriter import Workbook  # type: ignore[import-untyped]

from pennylane_sandbox.calendar import rfc3339
from pennylane_sandbox.clock import Clock
from pennylane_sandbox.company.books import Books
from pennylane_sandbox.model import Entry, Json, Line
from pennylane_sandbox.money import plain

PENDING_READS: Final = 1
LINK_LIFETIME: Final = 30 * 60
FEC_COLUMNS: Final = (
    "JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib",
    "CompAuxNum", "CompAuxLib", "PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit",
    "EcritureLet", "DateLet", "ValidDate", "Montantdevise", "Idevise",
)  # fmt: skip
_GL_COLUMNS: Final = (
    "Identifiant de ligne", "Date", "Journal", "Compte", "Libellé du compte", "Pièce", "Libellé",
    "Débit", "Crédit",
)  # fmt: skip
_FEC_TYPE: Final = "text/plain; charset=utf-8"
_XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ROWS_OF_A_SHEET: Final = 2**20 - 1
_AGL_COLUMNS: Final = (*_GL_COLUMNS, "Catégorie", "Part")


@dataclass(slots=True)
class Export:
    """One ordered export."""

    id: int
    kind: str
    start: str
    end: str
    ordered_at: int
    reads: int = 0
    signature: str = ""
    link_made_at: float = 0.0
    file: IO[bytes] | None = None


class Exports:
    """The exports ordered so far."""

    def __init__(self, books: Books, clock: Clock) -> None:
        """Use these books."""
        self._books = books
        self._clock = clock
        self._ordered: dict[tuple[str, int], Export] = {}

    def order(self, kind: str, start: str, end: str) -> Json:
        """Order an export; it is pending until it was queried once."""
        export = Export(
            self._books.next_id("exports"), kind, start, end, self._clock.change_instant()
        )
        self._ordered[kind, export.id] = export
        shown = self._shown(export, "pending")
        del shown["file_url"]
        return shown

    def look(self, kind: str, export_id: int, files: str) -> Json | None:
        """Return an export's status; each query of a ready one signs a new link."""
        export = self._ordered.get((kind, export_id))
        if export is None:
            return None
        export.reads += 1
        if export.reads <= PENDING_READS:
            return self._shown(export, "pending")
        now = self._clock.seconds()
        export.signature = f"{int(now * 1_000_000):x}"
        export.link_made_at = now
        address = f"{files}/{kind}/{export.id}?signature={export.signature}"
        return self._shown(export, "ready") | {"file_url": address}

    def _shown(self, export: Export, status: str) -> Json:
        made = rfc3339(export.ordered_at)
        return {
            "id": export.id,
            "file_url": None,
            "status": status,
            "created_at": made,
            "updated_at": made,
        }

    def fetch(self, kind: str, export_id: int, signature: str) -> tuple[IO[bytes], str] | None:
        """Return the file and its type, unless the link is wrong or has expired."""
        export = self._ordered.get((kind, export_id))
        if export is None or not export.signature or signature != export.signature:
            return None
        if self._clock.seconds() > export.link_made_at + LINK_LIFETIME:
            return None
        if export.file is None:
            export.file = self._made(export)
        return export.file, _XLSX_TYPE if kind in _TABLES else _FEC_TYPE

    def _made(self, export: Export) -> IO[bytes]:
        """Write the file to disk, because a million lines are too many for memory."""
        file = tempfile.TemporaryFile(prefix="pennylane-sandbox-")  # noqa: SIM115 - kept with the export
        lines = self._lines(export)
        if export.kind in _TABLES:
            columns, rows = _TABLES[export.kind]
            _xlsx(file, columns, rows(lines))
        else:
            file.writelines(_fec(lines))
        file.flush()
        return file

    def _lines(self, export: Export) -> list[Line]:
        entries = [
            entry
            for entry in self._books.ledger_entries
            if export.start <= entry.date <= export.end
        ]
        entries.sort(key=lambda entry: (entry.date, entry.id))
        return [line for entry in entries for line in entry.lines]


def _compact(day: str) -> str:
    return day.replace("-", "")


def _sides(line: Line) -> tuple[str, str]:
    return plain(max(line.cents, 0)), plain(max(-line.cents, 0))


def _fec(lines: list[Line]) -> Iterator[bytes]:
    """Write the file of accounting entries: tab-separated, decimal commas."""
    yield "\t".join(FEC_COLUMNS).encode() + b"\r\n"
    numbers: dict[int, int] = {}
    for line in lines:
        number = str(numbers.setdefault(line.entry.id, len(numbers) + 1))
        yield "\t".join(_fields(line, number)).encode() + b"\r\n"


def _fields(line: Line, number: str) -> tuple[str, ...]:
    entry, account = line.entry, line.account
    auxiliary = account.number != account.general and account.general in {"401", "411"}
    debit, credit = (side.replace(".", ",") for side in _sides(line))
    day = _compact(entry.date)
    lettering = f"L{min(line.lettering)}" if line.lettering else ""
    return (
        entry.journal.code,
        entry.journal.label,
        number,
        day,
        account.general if auxiliary else account.number,
        account.label,
        account.number if auxiliary else "",
        account.label if auxiliary else "",
        entry.piece_number or number,
        day,
        line.label,
        debit,
        credit,
        lettering,
        day if lettering else "",
        day if _validated(entry) else "",
        "",
        "",
    )


def _validated(entry: Entry) -> bool:
    return entry.status in {"complete", "entry"}


def _cells(line: Line) -> tuple[Any, ...]:
    entry = line.entry
    return (
        line.id,
        entry.date,
        entry.journal.code,
        line.account.number,
        line.account.label,
        entry.piece_number,
        line.label,
        max(line.cents, 0) / 100,
        max(-line.cents, 0) / 100,
    )


def _general(lines: list[Line]) -> Iterator[tuple[Any, ...]]:
    return map(_cells, lines)


def _analytical(lines: list[Line]) -> Iterator[tuple[Any, ...]]:
    for line in lines:
        if not line.shares:
            yield (*_cells(line), None, None)
        for share in line.shares:
            yield (*_cells(line), share.category.data["label"], float(share.weight))


_TABLES: Final[
    dict[str, tuple[tuple[str, ...], Callable[[list[Line]], Iterator[tuple[Any, ...]]]]]
] = {
    "general_ledgers": (_GL_COLUMNS, _general),
    "analytical_general_ledgers": (_AGL_COLUMNS, _analytical),
}


def _xlsx(file: IO[bytes], columns: tuple[str, ...], rows: Iterator[tuple[Any, ...]]) -> None:
    with Workbook(file, {"constant_memory": True}) as book:
        while True:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, columns)
            number = 0
            for number, row in enumerate(islice(rows, _ROWS_OF_A_SHEET), 1):
                sheet.write_row(number, 0, row)
            if number < _ROWS_OF_A_SHEET:
                return
