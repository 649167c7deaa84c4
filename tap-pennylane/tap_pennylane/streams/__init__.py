"""The streams, each a few declarative lines."""

from __future__ import annotations

from tap_pennylane.streams import children, company
from tap_pennylane.streams.base import PennylaneStream

STREAMS: tuple[type[PennylaneStream], ...] = tuple(
    stream
    for module in (company, children)
    for stream in vars(module).values()
    if isinstance(stream, type)
    and issubclass(stream, PennylaneStream)
    and stream.__module__ == module.__name__
)
"""Every stream that is declared, in the order of the files."""
