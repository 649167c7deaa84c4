"""Everything that looks random is derived from the seed."""

import random


def generator(*key: object) -> random.Random:
    """Make a source of reproducible draws for this key."""
    return random.Random("/".join(map(str, key)))  # noqa: S311 - reproducible, not secret
