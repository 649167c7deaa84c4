"""The two APIs: which company a request is for, and whether its token may read it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from pennylane_sandbox.api import numbered
from pennylane_sandbox.api import query as asked
from pennylane_sandbox.api.endpoint import Endpoint
from pennylane_sandbox.api.endpoints import ENDPOINTS
from pennylane_sandbox.api.errors import refuse, refuse_unknown
from pennylane_sandbox.api.filters import EQUALITY, Field, parse, predicate
from pennylane_sandbox.api.firm_endpoints import OF_A_COMPANY, OF_THE_FIRM
from pennylane_sandbox.api.routes import Routes
from pennylane_sandbox.firm import Firm
from pennylane_sandbox.model import Json
from pennylane_sandbox.one_company import Company
from pennylane_sandbox.ratelimit import Limiter
from pennylane_sandbox.sandbox import Sandbox
from pennylane_sandbox.serving.answers import Answers
from pennylane_sandbox.serving.exchange import Answer, Request
from pennylane_sandbox.tokens import Tokens

PREFIX: Final = "/api/external/v2"
FIRM_PREFIX: Final = "/api/external/firm/v1"
_COMPANIES: Final = "/companies"
_MOST_COMPANIES: Final = 1000
_BY_CLIENT_CODE: Final = {
    "client_code": Field(EQUALITY, "text", lambda company: company.profile.more["client_code"])
}


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is for.

    Attributes:
        shape: The path below the API's address, with `{id}` for ids.
        path: The path below the company's address.
        own_shape: The same, with `{id}` for ids.
        base: The company's address, which begins links in its answers.
        company: The company that the path or the token names, if it exists.
    """

    shape: str
    path: str
    own_shape: str
    endpoint: Endpoint | None
    ids: tuple[str, ...]
    base: str
    company: Company | None


class Door(Protocol):
    """One of the APIs."""

    prefix: str

    @property
    def limiter(self) -> Limiter | None:
        """The budgets of its tokens."""

    def find(self, path: str, token: str) -> Target:
        """Find what a path below the prefix is for."""

    def answer(self, target: Target, request: Request, token: str) -> Answer:
        """Answer, or raise the refusal."""


class CompanyDoor:
    """The Company API: the token decides which company is read."""

    prefix = PREFIX

    def __init__(self, sandbox: Sandbox) -> None:
        """Serve this sandbox's companies."""
        self._sandbox = sandbox
        self._answers: dict[int, Answers] = {}

    @property
    def limiter(self) -> Limiter | None:
        """The budgets of the companies' tokens."""
        return self._sandbox.limiter

    def find(self, path: str, token: str) -> Target:
        """Find what a path is for."""
        grant = self._sandbox.tokens.find(token)
        return self.target(path, self._sandbox.find(grant.company_id) if grant else None)

    def target(self, path: str, company: Company | None) -> Target:
        """Return what a path is for, in this company."""
        shape, endpoint, ids = _COMPANY_ROUTES.resolve(path)
        return Target(shape, path, shape, endpoint, ids, PREFIX, company)

    def answer(self, target: Target, request: Request, token: str) -> Answer:
        """Answer from the books of the token's company."""
        endpoint, request = _admit(self._sandbox.tokens, target, request, token)
        return self.answers(target.company or self._sandbox.company).answer(endpoint, request)

    def answers(self, company: Company) -> Answers:
        """Return what answers for a company."""
        return _kept(
            self._answers,
            company,
            lambda: company.books.collections,
            hides_closed_years=self._sandbox.options.hide_closed_years,
        )


class FirmDoor:
    """The Firm API: the path names the company, and the firm may refuse or hide it."""

    prefix = FIRM_PREFIX

    def __init__(self, sandbox: Sandbox, firm: Firm) -> None:
        """Serve this firm's companies."""
        self._sandbox = sandbox
        self._firm = firm
        self._answers: dict[int, Answers] = {}

    @property
    def limiter(self) -> Limiter | None:
        """The budgets of the firm's tokens, each for all its companies together."""
        return self._sandbox.firm_limiter

    def find(self, path: str, token: str) -> Target:  # noqa: ARG002 - a firm's token sees them all
        """Find what a path is for."""
        parts = path.split("/", 3)
        if parts[:2] != ["", "companies"] or len(parts) <= 3:  # noqa: PLR2004 - /companies/{id}
            shape, endpoint, ids = _FIRM_ROUTES.resolve(path)
            company = self._named(ids[0]) if ids else None
            return Target(shape, path, shape, endpoint, ids, FIRM_PREFIX, company)
        return self.target(f"/{parts[3]}", self._named(parts[2]))

    def target(self, path: str, company: Company | None) -> Target:
        """Return what a path below a company's address is for."""
        own_shape, endpoint, ids = _CLIENT_ROUTES.resolve(path)
        base = f"{FIRM_PREFIX}{_COMPANIES}/{company.profile.id if company else 0}"
        shape = f"{_COMPANIES}/{{id}}{own_shape}"
        return Target(shape, path, own_shape, endpoint, ids, base, company)

    def _named(self, text: str) -> Company | None:
        return self._firm.find(int(text)) if text.isascii() and text.isdigit() else None

    def answer(self, target: Target, request: Request, token: str) -> Answer:
        """Answer for the firm, or from the books of the company in the path."""
        endpoint, request = _admit(self._firm.tokens, target, request, token)
        if endpoint.path == "/me":
            return Answer(self._me(request), 1)
        if endpoint.path == _COMPANIES:
            return self._companies(endpoint, request)
        company = target.company
        if company is None or company.access == "hidden":
            refuse_unknown()
        if endpoint.path == f"{_COMPANIES}/{{id}}":
            return Answer(company.profile.shown(), 1)
        if company.access == "refused":
            refuse(403, "You do not have access to this company")
        return self.answers(company).answer(endpoint, request)

    def answers(self, company: Company) -> Answers:
        """Return what answers for a company."""
        return _kept(
            self._answers, company, lambda: company.firm_collections, hides_closed_years=True
        )

    def _companies(self, endpoint: Endpoint, request: Request) -> Answer:
        asked.refuse_undeclared(request.query, ("filter",))
        found = [one for one in self._firm if one.access != "hidden"]
        if (text := request.query.get("filter")) is not None:
            chosen = predicate(parse(text, _BY_CLIENT_CODE), _BY_CLIENT_CODE)
            found = [one for one in found if chosen(one)]
        size = endpoint.page_size or _MOST_COMPANIES
        body = numbered.page(request.query, found, _profile, size, _MOST_COMPANIES)
        return Answer(body, len(body["items"]))

    def _me(self, request: Request) -> Json:
        """Answer as the Company API does; Pennylane's document has no such path for a firm."""
        return {
            "user": {
                "id": 400_000,
                "first_name": "Camille",
                "last_name": "Expert",
                "email": "cabinet@exemple.fr",
                "locale": "fr",
            },
            "company": {
                "id": 9_000_000 + self._sandbox.options.seed,
                "name": "Cabinet du Bac à Sable",
                "reg_no": "552081317",
                "accounting_logic": "FR_PCG",
            },
            "scopes": request.scopes,
        }


_COMPANY_ROUTES: Final = Routes(ENDPOINTS)
_CLIENT_ROUTES: Final = Routes(OF_A_COMPANY)
_FIRM_ROUTES: Final = Routes(OF_THE_FIRM)


def _profile(company: Company) -> Json:
    return company.profile.shown()


def _admit(
    tokens: Tokens, target: Target, request: Request, token: str
) -> tuple[Endpoint, Request]:
    """Refuse a request that the token may not make; return it with the token's scopes."""
    grant = tokens.find(token)
    if grant is None:
        refuse(401, "The access token is invalid")
    endpoint = target.endpoint
    if endpoint is None:
        refuse_unknown()
    if request.method not in {"GET", "HEAD"} and not _takes_orders(endpoint):
        refuse(405, "Method Not Allowed")
    if endpoint.scopes and not set(endpoint.scopes) & set(grant.scopes):
        refuse(403, f'Access to this resource requires scope "{endpoint.scopes[0]}".')
    return endpoint, replace(request, scopes=grant.scopes)


def _takes_orders(endpoint: Endpoint) -> bool:
    return endpoint.path.startswith("/exports/") and not endpoint.path.endswith("}")


def _kept(
    kept: dict[int, Answers],
    company: Company,
    collections: Callable[[], Any],
    *,
    hides_closed_years: bool,
) -> Answers:
    number = company.profile.id
    if number not in kept:
        kept[number] = Answers(company, collections(), hides_closed_years=hides_closed_years)
    return kept[number]
