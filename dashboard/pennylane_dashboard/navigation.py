"""The pages, in their order."""

from collections.abc import Callable
from dataclasses import dataclass

from pennylane_dashboard.pages import (
    balance,
    cash,
    findings,
    history,
    ledger,
    overview,
    parties,
    pipeline,
    portfolio,
    results,
    vat,
)
from pennylane_dashboard.view import FIRST, View
from pennylane_dashboard.words import Words


@dataclass(frozen=True)
class Place:
    """A page.

    Attributes:
        name: in its address.
        title: in the navigation and above the page.
        icon: beside its title.
        draw: what draws it.
        needs_books: whether it is about a company, so that it needs one.
        has_period: whether the fiscal year and the period choose what it shows.
        is_of_all: whether it compares companies, so that it is left out if there is only one.
    """

    name: str
    title: Words
    icon: str
    draw: Callable[[View], None]
    needs_books: bool = True
    has_period: bool = True
    is_of_all: bool = False


PLACES = (
    Place(
        "portfolio",
        portfolio.TITLE,
        ":material/domain:",
        portfolio.draw,
        needs_books=False,
        is_of_all=True,
    ),
    Place(FIRST, overview.TITLE, ":material/dashboard:", overview.draw),
    Place("results", results.TITLE, ":material/trending_up:", results.draw),
    Place("balance", balance.TITLE, ":material/balance:", balance.draw),
    Place("cash", cash.TITLE, ":material/account_balance:", cash.draw),
    Place("customers", parties.CUSTOMERS, ":material/group:", parties.draw_customers),
    Place("suppliers", parties.SUPPLIERS, ":material/local_shipping:", parties.draw_suppliers),
    Place("vat", vat.TITLE, ":material/percent:", vat.draw),
    Place("controls", findings.TITLE, ":material/fact_check:", findings.draw, has_period=False),
    Place("history", history.TITLE, ":material/history:", history.draw, has_period=False),
    Place("ledger", ledger.TITLE, ":material/menu_book:", ledger.draw),
    Place("pipeline", pipeline.TITLE, ":material/sync:", pipeline.draw, needs_books=False),
)
