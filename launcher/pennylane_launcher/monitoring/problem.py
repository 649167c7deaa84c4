"""One problem, and its text as a line and as the subject of a mail."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

MOST = 12
"""Names in a list; the others are only counted."""
MOST_REASONS = 3
MOST_IN_A_TITLE = 3


@dataclass(frozen=True)
class Problem:
    """One problem, with everything that it concerns.

    Attributes:
        kind: database, untried, empty, views, run, companies, failed, lost, stale, reconciliation,
            tests, untested, webhook, mail or `job:` and its name.
        members: tables and reasons, if the kind is about tables, or companies and reasons; else the
            sentence, without name.
        explained: members that another problem already reports.
        tables: how many tables there are, including those without problems.
        title: the problem in a few words, if the kind is not about tables.
    """

    kind: str
    members: Mapping[str, str]
    explained: frozenset[str] = frozenset()
    tables: int = 0
    title: str = ""

    def without_the_explained(self) -> "Problem | None":
        """Return what remains to be reported, if anything."""
        left = {name: why for name, why in self.members.items() if name not in self.explained}
        return Problem(self.kind, left, tables=self.tables, title=self.title) if left else None

    def __str__(self) -> str:
        """Return the text in one line."""
        if "" in self.members:
            return self.members[""]
        if self.kind == "failed":
            return f"The last run failed for {self._by_reason()}."
        if self.kind == "companies":
            return f"Companies that are not up to date: {self._by_reason()}."
        reason = next(iter(self.members.values()))
        return f"Too old, {reason}: {self._listed(self.members)}."

    def brief(self) -> str:
        """Return a few words for a subject line, which is never truncated."""
        if self.title:
            return self.title
        verb = "failed" if self.kind in {"companies", "failed"} else "too old"
        count = len(self.members)
        if count > MOST_IN_A_TITLE:
            return f"{count} {'companies' if self.kind == 'companies' else 'tables'} {verb}"
        return f"{', '.join(sorted(self.members))} {verb}"

    def _by_reason(self) -> str:
        """Return the members grouped by reason, the most frequent reason first."""
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
    """Return the sorted names, or the first ones and the number of others."""
    ordered = sorted(names)
    if len(ordered) <= MOST:
        return ", ".join(ordered)
    return f"{', '.join(ordered[:MOST])} and {len(ordered) - MOST} more"
