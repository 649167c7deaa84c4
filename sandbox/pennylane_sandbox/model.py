"""The company's rows: compact, so that a million ledger lines fit in memory."""

from typing import Any

from msgspec import Struct

Json = dict[str, Any]


class Doc(Struct):
    """A row of a small collection, stored in the form in which the API shows it.

    `hidden` holds what the API filters by or answers about without showing it in the row.
    """

    id: int
    data: Json
    hidden: Json


class Account(Struct):
    """A ledger account; `general` is the account that sums its auxiliary accounts."""

    id: int
    number: str
    label: str
    vat_rate: str
    country: str
    enabled: bool
    type: str
    letterable: bool
    created_at: str
    updated_at: str
    general: str


class Journal(Struct):
    """A journal of the books."""

    id: int
    code: str
    label: str
    type: str


class Share(Struct):
    """An analytical category's share of something."""

    category: Doc
    weight: str


Shares = tuple[Share, ...]


class Line(Struct, gc=False):
    """One side of a ledger entry, in cents: positive is a debit."""

    id: int
    entry: "Entry"
    account: Account
    cents: int
    label: str
    shares: Shares
    lettering: tuple[int, ...]
    updated_at: str


class Entry(Struct, gc=False):
    """A ledger entry; its lines add up to zero."""

    id: int
    journal: Journal
    date: str
    due_date: str | None
    label: str | None
    piece_number: str | None
    invoice_number: str | None
    status: str | None
    shares: Shares
    filename: str | None
    created_at: str
    updated_at: str
    lines: list[Line]
    undated: bool = False

    @property
    def shown_date(self) -> str | None:
        """The date that the API shows; `date` is that of the lines, which always have one."""
        return None if self.undated else self.date


class Invoice(Struct, gc=False):
    """A customer or supplier invoice; amounts are in cents of its currency by default."""

    id: int
    party: Doc
    number: str
    label: str | None
    date: str
    deadline: str | None
    is_due: bool
    """Whether its deadline was over at the end of the books."""
    currency: str
    rate: str
    before_tax: int
    tax: int
    euro_amount: int
    euro_tax: int
    vat_rate: str
    line_count: int
    entry: Entry
    remaining: int
    draft: bool
    shares: Shares
    transactions: tuple[int, ...]
    subscription_id: int | None
    quote_id: int | None
    credited_id: int | None
    template_id: int | None
    reference: str
    archived_at: str | None
    created_at: str
    updated_at: str

    @property
    def amount(self) -> int:
        """The total including tax."""
        return self.before_tax + self.tax

    @property
    def shown_date(self) -> str | None:
        """The date that the API shows: null while the entry has none."""
        return None if self.entry.undated else self.date


class Transaction(Struct, gc=False):
    """A movement on a bank account, in euro cents: positive for money received."""

    id: int
    label: str | None
    date: str
    cents: int
    outstanding: int
    bank_account: Doc
    customer: Doc | None
    supplier: Doc | None
    shares: Shares
    matched: tuple[tuple[str, int], ...]
    entry: Entry
    employee: Doc | None
    interbank_code: str | None
    attachment_required: bool
    archived_at: str | None
    created_at: str
    updated_at: str


class Total(Struct, gc=False):
    """The sums of an account's lines in a period, in cents."""

    id: int
    number: str
    debits: int = 0
    credits: int = 0
    lines: int = 0


Row = Doc | Account | Journal | Line | Entry | Invoice | Transaction | Total
