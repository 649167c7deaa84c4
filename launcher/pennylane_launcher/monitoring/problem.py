"""One problem, and its text as a line and as the subject of a mail."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

MOST = 12
"""Names in a list; the others are only counted."""
MOST_REASONS = 3
MOST_IN_A_TITLE = 3
COMPANIES = frozenset({"companies", "company_failed", "company_stale", "company_gone"})
"""Kinds that are about companies: of companies.yml, or of an accounting firm."""
VERBS = {"stale": "too old", "company_stale": "too old", "company_gone": "gone"}
NOTICES = frozenset({"company_gone"})
"""Kinds that are reported once, but are nothing to be put right."""


@dataclass(frozen=True)
class Problem:
    """One problem, with everything that it concerns.

    Attributes:
        kind: database, untried, empty, views, run, companies, failed, lost, stale, reconciliation,
            tests, untested, company_failed, company_stale, company_gone, webhook, mail or `job:`
            and its name.
        members: tables or companies, with reasons, if the kind is about them; else the sentence,
            without name.
        explained: members that another problem already reports.
        tables: how many tables or companies there are, including those without problems.
        title: the problem in a few words, if the kind is about neither.
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

    @property
    def is_of_companies(self) -> bool:
        """Whether it is about companies."""
        return self.kind in COMPANIES

    def __str__(self) -> str:
        """Return the text in one line."""
        if "" in self.members:
            return self.members[""]
        if self.kind in {"failed", "company_failed"}:
            return f"The last run failed for {self._by_reason()}."
        if self.kind == "companies":
            return f"Companies that are not up to date: {self._by_reason()}."
        reason = next(iter(self.members.values()))
        if self.is_of_companies:
            count = len(self.members)
            subject = "1 company was" if count == 1 else f"{count} companies were"
            return f"{subject} {reason}: {listed(self.members)}."
        return f"Too old, {reason}: {self._listed(self.members)}."

    def brief(self) -> str:
        """Return a few words for a subject line, which is never truncated."""
        if self.title:
            return self.title
        verb = VERBS.get(self.kind, "failed")
        count = len(self.members)
        if count > MOST_IN_A_TITLE:
            return f"{count} {'companies' if self.is_of_companies else 'tables'} {verb}"
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
            return f"all {self.tables} {'companies' if self.is_of_companies else 'tables'}"
        return listed(names)


def listed(names: Iterable[str]) -> str:
    """Return the sorted names, or the first ones and the number of others."""
    ordered = sorted(names)
    if len(ordered) <= MOST:
        return ", ".join(ordered)
    return f"{', '.join(ordered[:MOST])} and {len(ordered) - MOST} more"
