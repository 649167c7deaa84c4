"""The streams, each declared in a few lines."""

from __future__ import annotations

from tap_pennylane.streams import children, company, exports, ledger
from tap_pennylane.streams.base import PennylaneStream

STREAMS: tuple[type[PennylaneStream], ...] = tuple(
    stream
    for module in (company, ledger, children, exports)
    for stream in vars(module).values()
    if isinstance(stream, type)
    and issubclass(stream, PennylaneStream)
    and stream.__module__ == module.__name__
    and "name" in vars(stream)
)
"""Every declared stream that has a name, in the order of the files."""
