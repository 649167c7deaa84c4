"""What can go wrong, as sentences for the person who runs the tap."""

from __future__ import annotations


class PennylaneError(Exception):
    """One stream can't be read whole; the others go on."""


class FatalError(PennylaneError):
    """Nothing can be read: a refused token, or a host that is not there."""


class RecordError(PennylaneError):
    """A value of a record can't be what its schema promises."""
