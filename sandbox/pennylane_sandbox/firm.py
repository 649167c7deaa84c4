"""An accounting firm: its clients, and the tokens that see all of them."""

from collections.abc import Callable, Iterator

from pennylane_sandbox.company.profile import Profile, of_a_client
from pennylane_sandbox.one_company import Company
from pennylane_sandbox.tokens import Tokens


class Firm:
    """The clients of a firm; a client's books depend on the firm's seed and its place only."""

    def __init__(self, seed: int, tokens: Tokens, enrol: Callable[[Profile], Company]) -> None:
        """Begin without clients: `enrol` makes the company that a profile describes."""
        self.tokens = tokens
        self._seed = seed
        self._enrol = enrol
        self._companies: dict[int, Company] = {}

    def grow(self, count: int) -> list[Company]:
        """Take on a number of new clients."""
        new = []
        for _ in range(count):
            profile = of_a_client(self._seed, len(self._companies) + 1)
            company = self._companies[profile.id] = self._enrol(profile)
            new.append(company)
        return new

    def __iter__(self) -> Iterator[Company]:
        """All companies, also hidden ones."""
        return iter(self._companies.values())

    def find(self, company_id: int) -> Company | None:
        """Return a company, also a hidden one."""
        return self._companies.get(company_id)
