"""The answers to admitted requests: lists, single records, and special cases."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from pennylane_sandbox.api import query as asked
from pennylane_sandbox.api.endpoint import (
    Changelog,
    Endpoint,
    Listing,
    Single,
    Sublist,
    SublistSingle,
)
from pennylane_sandbox.api.endpoints import EXPORTS
from pennylane_sandbox.api.errors import refuse, refuse_malformed, refuse_unknown
from pennylane_sandbox.api.filters import Condition, Conditions, Fields, parse
from pennylane_sandbox.api.query import Query
from pennylane_sandbox.api.selection import Order, select
from pennylane_sandbox.calendar import rank
from pennylane_sandbox.collection import Collection
from pennylane_sandbox.company.books import API
from pennylane_sandbox.model import Doc, Invoice, Json, Total
from pennylane_sandbox.sandbox import Sandbox
from pennylane_sandbox.show.ledger import doc
from pennylane_sandbox.show.lines import customer_invoice_lines

_INCLUDED = 20
_FEATURES: Json = {"installments": False}
_PAGE_KEYS: Json = {
    "current_page": None,
    "per_page": None,
    "total_items": None,
    "total_pages": None,
}


@dataclass(frozen=True, slots=True)
class Request:
    """An admitted request."""

    path: str
    query: Query
    scopes: tuple[str, ...]
    ids: tuple[str, ...] = ()
    method: str = "GET"
    body: bytes = b""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON body and the number of its rows."""

    body: Json
    rows: int = 0
    status: int = 200


def _row(rows: Collection[Any], text: str) -> Any:  # noqa: ANN401 - a row of any resource
    row = rows.rows.get(int(text)) if text.isascii() and text.isdigit() else None
    if row is None:
        refuse_unknown()
    return row


class Answers:
    """Answers requests from a sandbox's books."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Answer from this sandbox."""
        self._sandbox = sandbox
        self._special: dict[str, Callable[[Request], Answer]] = {
            "/me": self._me,
            "/company/features": self._features,
            "/trial_balance": self._trial_balance,
        }
        for kind in EXPORTS:
            self._special[f"/exports/{kind}"] = self._order_export
            self._special[f"/exports/{kind}/{{id}}"] = self._export

    def answer(self, endpoint: Endpoint, request: Request) -> Answer:
        """Answer a request to an endpoint."""
        match endpoint:
            case Listing():
                return self._listing(endpoint, request)
            case Single():
                return self._single(endpoint, request)
            case Sublist():
                return self._sublist(endpoint, request)
            case SublistSingle():
                return self._sublist_single(endpoint, request)
            case Changelog():
                return self._changelog(endpoint, request)
        return self._special[endpoint.path](request)

    def everything(self, endpoint: Endpoint | None, request: Request) -> Iterator[Json]:
        """Return all live records of a list as the list would show them, without pages."""
        books = self._sandbox.books
        records: Iterator[Json] = iter(())
        match endpoint:
            case Listing():
                rows = list(books.collections[endpoint.collection])
                records = map(endpoint.show, rows)
            case Sublist():
                parent = _row(books.collections[endpoint.parent], request.ids[0])
                records = iter(endpoint.items(books, parent))
            case Endpoint() if endpoint.path == "/trial_balance":
                balances, show = self._balances(request.query), self._sandbox.trial_balances.show
                records = map(show, reversed(list(balances)))
            case _:
                refuse_unknown()
        return records

    def _page(
        self,
        request: Request,
        rows: Collection[Any],
        conditions: Conditions,
        fields: Fields,
        sort: tuple[str, bool],
        most: int,
    ) -> tuple[list[Any], Json]:
        """Return the rows of a page and the keys that follow its items."""
        limit = asked.limit(request.query, most)
        field, descending = sort
        after = None
        cursors = self._sandbox.cursors
        if cursor := request.query.get("cursor"):
            after = cursors.read(request.path, cursor).get(field)
        order = Order(field, descending, after)
        found, more = select(rows, order, conditions, fields, limit)
        cursor = None
        if more:
            last = found[-1]
            position = {name: rows.position(name, last) for name in ("id", *rows.sorts())}
            cursor = cursors.make(request.path, position)
        return found, {"has_more": more, "next_cursor": cursor}

    def _listing(self, endpoint: Listing, request: Request) -> Answer:
        declared = ["include"] if endpoint.includes else []
        declared += ["filter"] if endpoint.fields else []
        declared += ["sort"] if endpoint.sorts else []
        asked.refuse_undeclared(request.query, tuple(declared))
        include = request.query.get("include")
        if include not in {None, "invoice_lines"}:
            refuse(400, f"Invalid include: {include!r}; available: invoice_lines")
        fields = endpoint.fields
        text = request.query.get("filter")
        conditions = parse(text, fields) if text is not None else ()
        hides = endpoint.may_hide_closed_years and self._sandbox.options.hide_closed_years
        if hides and not any(one.field == "date" for one in conditions):
            closed = self._sandbox.books.closed_until()
            conditions = (*conditions, Condition("date", "not_lteq", closed))
        rows = self._sandbox.books.collections[endpoint.collection]
        if not endpoint.pages:
            items = [endpoint.show(row) for row in rows]
            return Answer({"items": items, "has_more": False, "next_cursor": None}, len(items))
        found, end = self._page(
            request,
            rows,
            conditions,
            fields,
            asked.sort(request.query, endpoint.sorts, endpoint.default_sort),
            endpoint.max_limit,
        )
        show = endpoint.show
        body = {"items": [show(row) for row in found], **end}
        if endpoint.page_keys:
            body |= _PAGE_KEYS
        if include is not None:
            body["included"] = self._included(found)
        return Answer(body, len(found))

    def _included(self, found: list[Invoice]) -> Json:
        """Return the first lines of each invoice, and where to find the rest."""
        lines = {}
        for invoice in found:
            newest_first = customer_invoice_lines(self._sandbox.books, invoice)[::-1]
            items = newest_first[:_INCLUDED]
            address = None
            if more := len(newest_first) > _INCLUDED:
                path = f"/customer_invoices/{invoice.id}/invoice_lines"
                position = {"id": items[-1]["id"]}
                address = f"{API}{path}?cursor={self._sandbox.cursors.make(path, position)}"
            lines[str(invoice.id)] = {"items": items, "has_more": more, "next_url": address}
        return {"invoice_lines": lines}

    def _single(self, endpoint: Single, request: Request) -> Answer:
        row = _row(self._sandbox.books.collections[endpoint.collection], request.ids[0])
        if not endpoint.only(row):
            refuse_unknown()
        return Answer(endpoint.show(row), 1)

    def _sublist(self, endpoint: Sublist, request: Request) -> Answer:
        declared = ["filter"] if endpoint.fields else []
        declared += ["sort"] if endpoint.sorts else []
        asked.refuse_undeclared(request.query, tuple(declared))
        books = self._sandbox.books
        parent = _row(books.collections[endpoint.parent], request.ids[0])
        text = request.query.get("filter")
        conditions = parse(text, endpoint.fields) if text is not None else ()
        ranks = {"rank": _rank, "date": _date_rank}
        rows: Collection[Doc] = Collection(
            {name: ranks[name] for name in endpoint.sorts if name in ranks}
        )
        rows.load(Doc(item["id"], item, {}) for item in endpoint.items(books, parent))
        sort = asked.sort(request.query, endpoint.sorts, "-id")
        found, end = self._page(request, rows, conditions, endpoint.fields, sort, 100)
        return Answer({"items": [doc(row) for row in found], **end}, len(found))

    def _sublist_single(self, endpoint: SublistSingle, request: Request) -> Answer:
        asked.refuse_undeclared(request.query, ())
        parent, wanted = request.ids
        books = self._sandbox.books
        for item in endpoint.items(books, _row(books.collections[endpoint.parent], parent)):
            if str(item["id"]) == wanted:
                return Answer(item, 1)
        return refuse_unknown()

    def _changelog(self, endpoint: Changelog, request: Request) -> Answer:
        query, sandbox = request.query, self._sandbox
        asked.refuse_undeclared(query, ("start_date",))
        limit = asked.limit(query, 1000)
        start = asked.micros(query, "start_date")
        if (cursor := query.get("cursor")) is not None:
            if start is not None:
                refuse(400, "start_date and cursor cannot be given together")
            number = sandbox.cursors.read(request.path, cursor)["id"]
            page, more = sandbox.changes.after(endpoint.resource, number, limit)
        else:
            if start is not None and start < sandbox.changes.oldest_kept():
                refuse(422, "start_date is older than the 4 weeks that changes are kept")
            page, more = sandbox.changes.since(endpoint.resource, start or 0, limit)
        cursor = sandbox.cursors.make(request.path, {"id": page[-1].number}) if more else None
        items = [event.shown() for event in page]
        return Answer({"items": items, "has_more": more, "next_cursor": cursor}, len(page))

    def _trial_balance(self, request: Request) -> Answer:
        asked.refuse_undeclared(request.query, ())
        rows = self._balances(request.query)
        found, end = self._page(request, rows, (), {}, ("id", False), 1000)
        show = self._sandbox.trial_balances.show
        return Answer({"items": [show(row) for row in found], **end}, len(found))

    def _balances(self, query: Query) -> Collection[Total]:
        return self._sandbox.trial_balances.of(
            asked.day(query, "period_start"),
            asked.day(query, "period_end"),
            auxiliary=asked.flag(query, "is_auxiliary"),
        )

    def _order_export(self, request: Request) -> Answer:
        if request.method != "POST":
            refuse(405, "Method Not Allowed")
        try:
            wanted = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            refuse_malformed("the body is not JSON", "ValidateError")
        if not isinstance(wanted, dict):
            refuse_malformed("the body is not an object", "ValidateError")
        kind = request.path.rpartition("/")[2]
        known = {"period_start", "period_end", "mode"}
        if kind != "analytical_general_ledgers":
            known.remove("mode")
        if set(wanted) - known:
            refuse_malformed("the body has unknown properties", "NotExistPropertyDefinition")
        if wanted.get("mode", "in_line") not in {"in_line", "in_column"}:
            refuse_malformed("mode is neither in_line nor in_column", "NotEnumInclude")
        period = {
            name: str(wanted[name]) for name in ("period_start", "period_end") if name in wanted
        }
        start, end = asked.day(period, "period_start"), asked.day(period, "period_end")
        return Answer(self._sandbox.exports.order(kind, start, end), 0, 201)

    def _export(self, request: Request) -> Answer:
        kind = request.path.split("/")[2]
        text = request.ids[0]
        number = int(text) if text.isascii() and text.isdigit() else 0
        shown = self._sandbox.exports.look(kind, number, request.origin)
        if shown is None:
            refuse_unknown()
        return Answer(shown, 1)

    def _features(self, request: Request) -> Answer:
        asked.refuse_undeclared(request.query, ())
        return Answer(dict(_FEATURES), 1)

    def _me(self, request: Request) -> Answer:
        user = self._sandbox.books.employees[0].data
        body = {
            "user": user | {"email": "compta@exemple.fr", "locale": "fr"},
            "company": {
                "id": 10_000_000 + self._sandbox.options.seed,
                "name": "Société Générique du Bac à Sable",
                "reg_no": "732829320",
                "accounting_logic": "FR_PCG",
            },
            "scopes": request.scopes,
        }
        return Answer(body, 1)


def _rank(row: Doc) -> int:
    # An invoice line does not show its rank, but its id ends with it.
    return row.id % 1000


def _date_rank(row: Doc) -> int:
    return rank(row.data["date"])
