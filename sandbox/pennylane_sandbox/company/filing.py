"""The documents that a firm files for its client: folders, and files in them."""

from typing import Any

from pennylane_sandbox.calendar import instant, later
from pennylane_sandbox.chance import generator
from pennylane_sandbox.collection import Collection
from pennylane_sandbox.company.books import Books, filtered
from pennylane_sandbox.model import Doc

_PERMANENT = "Dossier permanent"
_YEARLY = ("Achats", "Banque", "Fiscal")
_PURCHASES = _YEARLY[0]
_STANDING = ("Statuts.pdf", "Extrait Kbis.pdf", "Bail commercial.pdf")


def file_documents(books: Books) -> None:
    """Add the folders and files: a few that stand, and one for each supplier invoice."""
    rng = generator("filing", books.seed)
    first = instant(books.calendar.days[0], rng)
    folders = [permanent := make_folder(books, _PERMANENT, None, first)]
    files = [make_file(books, name, permanent, first) for name in _STANDING]
    files.append(make_file(books, "Lettre de mission.pdf", None, first))
    purchases = {}
    for year in sorted({day[:4] for day in books.calendar.days}):
        made = instant(f"{year}-01-01", rng)
        folders.append(top := make_folder(books, f"Exercice {year}", None, made))
        parts = [make_folder(books, name, top, made) for name in _YEARLY]
        folders += parts
        purchases[year] = parts[_YEARLY.index(_PURCHASES)]
    for invoice in books.supplier_invoices:
        name = f"{invoice.number}.pdf"
        one = make_file(books, name, purchases[invoice.date[:4]], invoice.created_at)
        one.data["updated_at"] = later(invoice.created_at, rng)
        files.append(one)
    for name, rows in (("dms_folders", folders), ("dms_files", files)):
        books.collections[name] = Collection[Any]()
        books.collections[name].load(rows)


def make_folder(books: Books, name: str, parent: Doc | None, stamp: str) -> Doc:
    """Make a folder."""
    row_id = books.next_id("dms_folders")
    data = {
        "id": row_id,
        "name": name,
        "path": path_of(name, parent),
        "parent_folder": {"id": parent.id} if parent else None,
        "files": filtered("dms/files", "parent_folder_id", row_id),
        "created_at": stamp,
        "updated_at": stamp,
    }
    return Doc(row_id, data, {})


def make_file(books: Books, name: str, parent: Doc | None, stamp: str) -> Doc:
    """Make a file."""
    row_id = books.next_id("dms_files")
    data = {
        "id": row_id,
        "name": name,
        "path": path_of(name, parent),
        "parent_folder": {"id": parent.id} if parent else None,
        "url": f"https://app.pennylane.com/dms/files/{row_id:x}",
        "created_at": stamp,
        "updated_at": stamp,
    }
    return Doc(row_id, data, {})


def path_of(name: str, parent: Doc | None) -> str:
    """Return where a folder or a file is."""
    return f"{parent.data['path'] if parent else ''}/{name}"
