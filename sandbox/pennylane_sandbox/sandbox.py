"""One running sandbox: its companies, and everything around them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial

from pennylane_sandbox.api.endpoints import ENDPOINTS
from pennylane_sandbox.api.firm_endpoints import FIRM_ENDPOINTS
from pennylane_sandbox.calendar import LAST_DAY
from pennylane_sandbox.clock import Clock
from pennylane_sandbox.company.books import Books
from pennylane_sandbox.company.build import build
from pennylane_sandbox.company.filing import file_documents
from pennylane_sandbox.company.profile import Profile, of_the_only_company
from pennylane_sandbox.faults import Faults
from pennylane_sandbox.firm import Firm
from pennylane_sandbox.oauth import OAuth
from pennylane_sandbox.one_company import Company
from pennylane_sandbox.ratelimit import Limit, Limiter
from pennylane_sandbox.stats import Stats
from pennylane_sandbox.tokens import Tokens

_WINDOW = 5.0
_Maker = Callable[[int], Books]


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a sandbox; without `companies`, it serves one company and no firm."""

    seed: int = 1
    size: int = 2000
    rate_limit: Limit | None = None
    firm_rate_limit: Limit | None = None
    latency: float = 0.0
    token: str = "sandbox-token"  # noqa: S105 - it is public
    firm_token: str = "sandbox-firm-token"  # noqa: S105 - it is public
    hide_closed_years: bool = False
    cases: tuple[str, ...] = ()
    until: date = LAST_DAY
    companies: int = 0


class Sandbox:
    """The state that requests read and the control plane changes.

    Attributes:
        company: The only company, or the firm's first one.
        firm: The firm, if there is one.
        oauth: What users granted: access to the firm, or to the only company.
    """

    def __init__(self, options: Options) -> None:
        """Make the companies and everything around them."""
        self.options = options
        self.clock = Clock()
        scopes = (scope for one in ENDPOINTS.values() for scope in one.scopes)
        self.tokens = Tokens(scopes, self.clock.seconds)
        self.limit(options.rate_limit, options.firm_rate_limit)
        self.latency = options.latency
        self._window = options.rate_limit.seconds if options.rate_limit else _WINDOW
        self.stats = Stats(self._window)
        self.faults = Faults()
        self.firm: Firm | None = None
        if options.companies:
            scopes = (scope for one in FIRM_ENDPOINTS.values() for scope in one.scopes)
            self.firm = Firm(options.seed, Tokens(scopes, self.clock.seconds), self._enrol)
            self.firm.tokens.grant(options.firm_token)
            self.company = self.firm.grow(options.companies)[0]
        else:
            self.company = self._company(of_the_only_company(options.seed), self._books)
        self.tokens.grant(options.token, None, self.company.profile.id)
        granting = self.firm.tokens if self.firm else self.tokens
        self.oauth = OAuth(granting, self.company.profile.id, self.clock.seconds)
        # Not only when it is read: wrong options should fail at once.
        _ = self.company.books

    def _company(self, profile: Profile, make: _Maker) -> Company:
        return Company(profile, partial(make, profile.seed), self.clock, self._window)

    def _enrol(self, profile: Profile) -> Company:
        """Make a client of the firm, with its company token."""
        self.tokens.grant(f"{self.options.token}-{profile.id}", None, profile.id)
        return self._company(profile, self._filed_books)

    def _books(self, seed: int) -> Books:
        options = self.options
        return build(seed, options.size, options.cases, options.until)

    def _filed_books(self, seed: int) -> Books:
        books = self._books(seed)
        file_documents(books)
        return books

    def find(self, company_id: int | None) -> Company:
        """Return a company; without an id, the only or first one."""
        if company_id is None or company_id == self.company.profile.id:
            return self.company
        found = self.firm.find(company_id) if self.firm else None
        if found is None:
            msg = f"there is no company {company_id}"
            raise LookupError(msg)
        return found

    def limit(self, limit: Limit | None, firm_limit: Limit | None) -> None:
        """Allow each token so many requests from now on; earlier ones no longer count."""
        self.limiter = Limiter(limit) if limit else None
        self.firm_limiter = Limiter(firm_limit) if firm_limit else None
