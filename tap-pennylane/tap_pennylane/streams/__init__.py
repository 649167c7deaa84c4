"""The streams, each declared in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_pennylane.streams import children, company, exports, firm, ledger
from tap_pennylane.streams.base import PennylaneStream

if TYPE_CHECKING:
    from types import ModuleType


def _declared(*modules: ModuleType) -> tuple[type[PennylaneStream], ...]:
    """Return every stream that has a name, in the order of the files."""
    return tuple(
        stream
        for module in modules
        for stream in vars(module).values()
        if isinstance(stream, type)
        and issubclass(stream, PennylaneStream)
        and stream.__module__ == module.__name__
        and "name" in vars(stream)
    )


STREAMS = _declared(company, ledger, children, exports)
"""The streams of the Company API."""

FIRM_STREAMS = _declared(firm)
"""The streams of the Firm API."""
