"""The answers to admitted requests: lists, single records, and special cases."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pennylane_sandbox.api import numbered
from pennylane_sandbox.api import query as asked
from pennylane_sandbox.api.endpoint import (
    Changelog,
    Endpoint,
    Listing,
    Single,
    Sublist,
    SublistSingle,
)
from pennylane_sandbox.api.errors import refuse, refuse_unknown
from pennylane_sandbox.api.filters import Condition, Conditions, Fields, parse
from pennylane_sandbox.api.query import Query
from pennylane_sandbox.api.selection import Order, select
from pennylane_sandbox.calendar import rank
from pennylane_sandbox.collection import Collection
from pennylane_sandbox.company.books import API
from pennylane_sandbox.model import Doc, Invoice, Json, Total
from pennylane_sandbox.one_company import Company
from pennylane_sandbox.serving import orders
from pennylane_sandbox.serving.exchange import Answer, Request
from pennylane_sandbox.show.ledger import doc
from pennylane_sandbox.show.lines import customer_invoice_lines

_INCLUDED = 20
_MOST_BALANCES = 1000
_FEATURES: Json = {"installments": False}
_PAGE_KEYS: Json = {
    "current_page": None,
    "per_page": None,
    "total_items": None,
    "total_pages": None,
}


def _row(rows: Collection[Any], text: str) -> Any:  # noqa: ANN401 - a row of any resource
    row = rows.rows.get(int(text)) if text.isascii() and text.isdigit() else None
    if row is None:
        refuse_unknown()
    return row


class Answers:
    """Answers requests from a company's books."""

    def __init__(
        self,
        company: Company,
        collections: Mapping[str, Collection[Any]],
        *,
        hides_closed_years: bool,
    ) -> None:
        """Answer from this company, with its collections as one of the APIs orders them."""
        self._company = company
        self._collections = collections
        self._hides_closed_years = hides_closed_years

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
        return self._special(endpoint, request)

    def _special(self, endpoint: Endpoint, request: Request) -> Answer:
        match endpoint.path.split("/"):
            case ["", "me"]:
                return self._me(request)
            case ["", "company", "features"]:
                return self._features(request)
            case ["", "trial_balance"]:
                return self._trial_balance(endpoint, request)
            case ["", "exports", _]:
                return orders.order(self._company.exports, request)
        return orders.look(self._company.exports, request)

    def everything(self, endpoint: Endpoint | None, request: Request) -> Iterator[Json]:
        """Return all live records of a list as the list would show them, without pages."""
        books, collections = self._company.books, self._collections
        records: Iterator[Json] = iter(())
        match endpoint:
            case Listing():
                rows = list(collections[endpoint.collection])
                records = map(endpoint.show, rows)
            case Sublist():
                parent = _row(collections[endpoint.parent], request.ids[0])
                records = iter(endpoint.items(books, parent))
            case Endpoint() if endpoint.path == "/trial_balance":
                balances, show = self._balances(request.query), self._company.trial_balances.show
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
        cursors = self._company.cursors
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
        hides = endpoint.may_hide_closed_years and self._hides_closed_years
        if hides and not any(one.field == "date" for one in conditions):
            closed = self._company.books.closed_until()
            conditions = (*conditions, Condition("date", "not_lteq", closed))
        rows = self._collections[endpoint.collection]
        show = endpoint.show
        if endpoint.page_size is not None:
            return _numbered(
                request.query, list(rows), show, endpoint.page_size, endpoint.max_limit
            )
        if not endpoint.pages:
            items = [show(row) for row in rows]
            return Answer({"items": items, "has_more": False, "next_cursor": None}, len(items))
        found, end = self._page(
            request,
            rows,
            conditions,
            fields,
            asked.sort(request.query, endpoint.sorts, endpoint.default_sort),
            endpoint.max_limit,
        )
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
            newest_first = customer_invoice_lines(self._company.books, invoice)[::-1]
            items = newest_first[:_INCLUDED]
            address = None
            if more := len(newest_first) > _INCLUDED:
                path = f"/customer_invoices/{invoice.id}/invoice_lines"
                position = {"id": items[-1]["id"]}
                address = f"{API}{path}?cursor={self._company.cursors.make(path, position)}"
            lines[str(invoice.id)] = {"items": items, "has_more": more, "next_url": address}
        return {"invoice_lines": lines}

    def _single(self, endpoint: Single, request: Request) -> Answer:
        row = _row(self._collections[endpoint.collection], request.ids[0])
        if not endpoint.only(row):
            refuse_unknown()
        return Answer(endpoint.show(row), 1)

    def _sublist(self, endpoint: Sublist, request: Request) -> Answer:
        declared = ["filter"] if endpoint.fields else []
        declared += ["sort"] if endpoint.sorts else []
        asked.refuse_undeclared(request.query, tuple(declared))
        books = self._company.books
        parent = _row(self._collections[endpoint.parent], request.ids[0])
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
        books = self._company.books
        for item in endpoint.items(books, _row(self._collections[endpoint.parent], parent)):
            if str(item["id"]) == wanted:
                return Answer(item, 1)
        return refuse_unknown()

    def _changelog(self, endpoint: Changelog, request: Request) -> Answer:
        query, company = request.query, self._company
        asked.refuse_undeclared(query, ("start_date",))
        limit = asked.limit(query, 1000)
        start = asked.micros(query, "start_date")
        if (cursor := query.get("cursor")) is not None:
            if start is not None:
                refuse(400, "start_date and cursor cannot be given together")
            number = company.cursors.read(request.path, cursor)["id"]
            page, more = company.changes.after(endpoint.resource, number, limit)
        else:
            if start is not None and start < company.changes.oldest_kept():
                refuse(422, "start_date is older than the 4 weeks that changes are kept")
            page, more = company.changes.since(endpoint.resource, start or 0, limit)
        cursor = company.cursors.make(request.path, {"id": page[-1].number}) if more else None
        items = [event.shown() for event in page]
        return Answer({"items": items, "has_more": more, "next_cursor": cursor}, len(page))

    def _trial_balance(self, endpoint: Endpoint, request: Request) -> Answer:
        asked.refuse_undeclared(request.query, ())
        rows = self._balances(request.query)
        show = self._company.trial_balances.show
        if endpoint.page_size is not None:
            ascending = list(rows)[::-1]
            return _numbered(request.query, ascending, show, endpoint.page_size, _MOST_BALANCES)
        found, end = self._page(request, rows, (), {}, ("id", False), _MOST_BALANCES)
        return Answer({"items": [show(row) for row in found], **end}, len(found))

    def _balances(self, query: Query) -> Collection[Total]:
        return self._company.trial_balances.of(
            asked.day(query, "period_start"),
            asked.day(query, "period_end"),
            auxiliary=asked.flag(query, "is_auxiliary"),
        )

    def _features(self, request: Request) -> Answer:
        asked.refuse_undeclared(request.query, ())
        return Answer(dict(_FEATURES), 1)

    def _me(self, request: Request) -> Answer:
        user = self._company.books.employees[0].data
        profile = self._company.profile
        body = {
            "user": user | {"email": "compta@exemple.fr", "locale": "fr"},
            "company": {
                "id": profile.id,
                "name": profile.name,
                "reg_no": profile.siren,
                "accounting_logic": "FR_PCG",
            },
            "scopes": request.scopes,
        }
        return Answer(body, 1)


def _numbered(
    query: Query, rows: list[Any], show: Callable[[Any], Json], default: int, most: int
) -> Answer:
    body = numbered.page(query, rows, show, default, most)
    return Answer(body, len(body["items"]))


def _rank(row: Doc) -> int:
    # An invoice line does not show its rank, but its id ends with it.
    return row.id % 1000


def _date_rank(row: Doc) -> int:
    return rank(row.data["date"])
