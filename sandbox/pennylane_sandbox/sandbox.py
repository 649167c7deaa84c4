"""One running sandbox: the books, and everything around them."""

from dataclasses import dataclass
from datetime import date

from pennylane_sandbox.api.cursors import Cursors
from pennylane_sandbox.api.endpoints import ENDPOINTS
from pennylane_sandbox.calendar import LAST_DAY
from pennylane_sandbox.changelog import Changes
from pennylane_sandbox.changes.engine import Engine
from pennylane_sandbox.clock import Clock
from pennylane_sandbox.company.build import build
from pennylane_sandbox.exports import Exports
from pennylane_sandbox.faults import Faults
from pennylane_sandbox.ratelimit import Limit, Limiter
from pennylane_sandbox.stats import Stats
from pennylane_sandbox.tokens import Tokens
from pennylane_sandbox.trial_balance import TrialBalances

_WINDOW = 5.0


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a sandbox."""

    seed: int = 1
    size: int = 2000
    rate_limit: Limit | None = None
    latency: float = 0.0
    token: str = "sandbox-token"  # noqa: S105 - it is public
    hide_closed_years: bool = False
    cases: tuple[str, ...] = ()
    until: date = LAST_DAY


class Sandbox:
    """The state that requests read and the control plane changes."""

    def __init__(self, options: Options) -> None:
        """Build the company and everything around it."""
        self.options = options
        self.clock = Clock()
        self.books = build(options.seed, options.size, options.cases, options.until)
        self.changes = Changes(self.clock)
        self.engine = Engine(self.books, self.changes)
        self.exports = Exports(self.books, self.clock)
        self.cursors = Cursors(self.clock)
        self.trial_balances = TrialBalances(self.books)
        self.tokens = Tokens(scope for one in ENDPOINTS.values() for scope in one.scopes)
        self.tokens.grant(options.token)
        self.limit(options.rate_limit)
        self.latency = options.latency
        self.stats = Stats(options.rate_limit.seconds if options.rate_limit else _WINDOW)
        self.faults = Faults()

    def limit(self, limit: Limit | None) -> None:
        """Allow this many requests from now on; earlier ones no longer count."""
        self.limiter = Limiter(limit) if limit else None
