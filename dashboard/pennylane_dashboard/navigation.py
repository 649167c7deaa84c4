"""The pages, in their order."""

from collections.abc import Callable
from dataclasses import dataclass

from pennylane_dashboard.pages import overview
from pennylane_dashboard.view import View
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
    """

    name: str
    title: Words
    icon: str
    draw: Callable[[View], None]
    needs_books: bool = True


PLACES = (Place("overview", overview.TITLE, ":material/dashboard:", overview.draw),)
