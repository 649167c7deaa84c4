"""Exports of the ledger: ordered, pending, ready, and for a while to be fetched."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

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


class Exports:
    """The exports ordered so far."""

    def __init__(self, books: Books, clock: Clock) -> None:
        """Export from these books."""
        self._books = books
        self._clock = clock
        self._ordered: dict[tuple[str, int], Export] = {}

    def order(self, kind: str, start: str, end: str) -> Json:
        """Order an export; it is pending until it was looked at once."""
        export = Export(
            self._books.next_id("exports"), kind, start, end, self._clock.change_instant()
        )
        self._ordered[kind, export.id] = export
        shown = self._shown(export, "pending")
        del shown["file_url"]
        return shown

    def look(self, kind: str, export_id: int, origin: str) -> Json | None:
        """Return an export's state; each look at a ready one signs a new link."""
        export = self._ordered.get((kind, export_id))
        if export is None:
            return None
        export.reads += 1
        if export.reads <= PENDING_READS:
            return self._shown(export, "pending")
        now = self._clock.seconds()
        export.signature = f"{int(now * 1_000_000):x}"
        export.link_made_at = now
        address = f"{origin}/exports/{kind}/{export.id}?signature={export.signature}"
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

    def fetch(self, kind: str, export_id: int, signature: str) -> tuple[bytes, str] | None:
        """Return the file and its type, unless the link is wrong or has expired."""
        export = self._ordered.get((kind, export_id))
        if export is None or not export.signature or signature != export.signature:
            return None
        if self._clock.seconds() > export.link_made_at + LINK_LIFETIME:
            return None
        lines = self._lines(export)
        if kind == "fecs":
            return _fec(lines), "text/plain; charset=utf-8"
        columns, rows = _TABLES[kind]
        media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        return _xlsx(columns, rows(lines)), media_type

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


def _fec(lines: list[Line]) -> bytes:
    """Write the file of accounting entries: tab-separated, decimal commas."""
    rows = ["\t".join(FEC_COLUMNS)]
    numbers: dict[int, int] = {}
    for line in lines:
        entry, account = line.entry, line.account
        number = numbers.setdefault(entry.id, len(numbers) + 1)
        auxiliary = account.number != account.general and account.general in {"401", "411"}
        debit, credit = (side.replace(".", ",") for side in _sides(line))
        lettering = f"L{min(line.lettering)}" if line.lettering else ""
        rows.append(
            "\t".join(
                (
                    entry.journal.code,
                    entry.journal.label,
                    str(number),
                    _compact(entry.date),
                    account.general if auxiliary else account.number,
                    account.label,
                    account.number if auxiliary else "",
                    account.label if auxiliary else "",
                    entry.piece_number or str(number),
                    _compact(entry.date),
                    line.label,
                    debit,
                    credit,
                    lettering,
                    _compact(entry.date) if lettering else "",
                    _compact(entry.date) if _validated(entry) else "",
                    "",
                    "",
                )
            )
        )
    return ("\r\n".join(rows) + "\r\n").encode()


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


def _xlsx(columns: tuple[str, ...], rows: Iterator[tuple[Any, ...]]) -> bytes:
    file = io.BytesIO()
    with Workbook(file, {"constant_memory": True, "in_memory": True}) as book:
        sheet = book.add_worksheet("Grand livre")
        sheet.write_row(0, 0, columns)
        for number, row in enumerate(rows, 1):
            sheet.write_row(number, 0, row)
    return file.getvalue()
