"""The streams, each a few declarative lines."""

from __future__ import annotations

from tap_pennylane.streams import company
from tap_pennylane.streams.base import PennylaneStream

STREAMS: tuple[type[PennylaneStream], ...] = tuple(
    stream
    for stream in vars(company).values()
    if isinstance(stream, type)
    and issubclass(stream, PennylaneStream)
    and stream is not PennylaneStream
)
"""Every stream that is declared, in the order of the files."""
