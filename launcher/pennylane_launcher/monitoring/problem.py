"""One thing that is wrong, and how it is said: in a line, and in a mail's subject."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

MOST = 12
"""Names in a list; of the others, only the number is said."""
MOST_REASONS = 3
MOST_IN_A_TITLE = 3


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, with all that it concerns.

    Attributes:
        kind: database, untried, empty, views, run, failed, lost, stale, reconciliation, webhook,
            mail or `job:` and its name.
        members: tables and why, if the kind is about tables; else one nameless, the sentence.
        explained: members that another problem speaks of already.
        tables: how many tables there are, with those that are well.
        title: what it is in a few words, if the kind is not about tables.
    """

    kind: str
    members: Mapping[str, str]
    explained: frozenset[str] = frozenset()
    tables: int = 0
    title: str = ""

    def without_the_explained(self) -> "Problem | None":
        """Return what is left to say, if anything."""
        left = {name: why for name, why in self.members.items() if name not in self.explained}
        return Problem(self.kind, left, tables=self.tables, title=self.title) if left else None

    def __str__(self) -> str:
        """Say it in one line."""
        if "" in self.members:
            return self.members[""]
        if self.kind == "failed":
            return f"The last run failed for {self._by_reason()}."
        reason = next(iter(self.members.values()))
        return f"Too old, {reason}: {self._listed(self.members)}."

    def brief(self) -> str:
        """Say it in the few words of a subject line, which are never cut."""
        if self.title:
            return self.title
        verb = "failed" if self.kind == "failed" else "too old"
        count = len(self.members)
        if count > MOST_IN_A_TITLE:
            return f"{count} tables {verb}"
        return f"{', '.join(sorted(self.members))} {verb}"

    def _by_reason(self) -> str:
        """The members, those of one reason together; the reason of most of them first."""
        reasons: dict[str, list[str]] = {}
        for name, why in self.members.items():
            reasons.setdefault(why.rstrip("."), []).append(name)
        groups = sorted(reasons.items(), key=lambda group: (-len(group[1]), group))
        said = [f"{self._listed(names)}: {why}" for why, names in groups[:MOST_REASONS]]
        if rest := [name for _, names in groups[MOST_REASONS:] for name in names]:
            said.append(f"for other reasons {self._listed(rest)}")
        return "; ".join(said)

    def _listed(self, names: Collection[str]) -> str:
        if len(names) == self.tables > MOST_REASONS:
            return f"all {self.tables} tables"
        return listed(names)


def listed(names: Iterable[str]) -> str:
    """Return the names in their order, or the first ones and how many more there are."""
    ordered = sorted(names)
    if len(ordered) <= MOST:
        return ", ".join(ordered)
    return f"{', '.join(ordered[:MOST])} and {len(ordered) - MOST} more"
