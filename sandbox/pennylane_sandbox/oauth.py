"""OAuth 2.0: codes and pairs of tokens, of which each refresh replaces one."""

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from pennylane_sandbox.model import Json
from pennylane_sandbox.tokens import Tokens

CLIENT_ID: Final = "sandbox-client"
CLIENT_SECRET: Final = "sandbox-client-secret"  # noqa: S105 - it is public

_CODE_LIVES: Final = 600
_ACCESS_LIVES: Final = 86_400
_REFRESH_LIVES: Final = 90 * 86_400


class OAuthError(Exception):
    """A refusal in the format of RFC 6749."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        """Store what the answer says."""
        super().__init__(code, description)
        self.status = status
        self.body: Json = {"error": code, "error_description": description}


@dataclass(frozen=True, slots=True)
class _Code:
    """A code that was not exchanged yet."""

    redirect_uri: str
    challenge: str | None
    scopes: tuple[str, ...]
    expires: float


@dataclass(frozen=True, slots=True)
class _Pair:
    """An access token and the refresh token that replaces it."""

    access: str
    refresh: str
    scopes: tuple[str, ...]
    refresh_expires: float


class OAuth:
    """The one client application, and what its users granted it."""

    def __init__(self, tokens: Tokens, company_id: int | None, now: Callable[[], float]) -> None:
        """Grant access tokens among these: a firm's, or those of a company."""
        self._tokens = tokens
        self._company_id = company_id
        self._now = now
        self._codes: dict[str, _Code] = {}
        self._pairs: dict[str, _Pair] = {}  # by refresh token

    def authorize(self, query: Mapping[str, str]) -> dict[str, str]:
        """Let the user agree at once; return what the redirect tells the client."""
        if query.get("response_type") != "code":
            _refuse("unsupported_response_type", "The response type is not supported.")
        challenge = query.get("code_challenge")
        if challenge and query.get("code_challenge_method") != "S256":
            _refuse("invalid_request", "The code challenge method must be S256.")
        scopes = self._scopes(query.get("scope", "").split())
        code = secrets.token_urlsafe(32)
        expires = self._now() + _CODE_LIVES
        self._codes[code] = _Code(query["redirect_uri"], challenge, scopes, expires)
        return {"code": code}

    def _scopes(self, wanted: Iterable[str]) -> tuple[str, ...]:
        scopes = tuple(wanted) or self._tokens.all_scopes
        if set(scopes) - set(self._tokens.all_scopes):
            _refuse("invalid_scope", "The requested scope is invalid, unknown, or malformed.")
        return scopes

    def token(self, form: Mapping[str, str]) -> Json:
        """Answer the client: the first pair for a code, or the next for a refresh token."""
        kind = form.get("grant_type")
        if kind == "authorization_code":
            return self._exchange(form)
        if kind == "refresh_token":
            return self._refresh(form)
        return _refuse("unsupported_grant_type", "The authorization grant type is not supported.")

    def _exchange(self, form: Mapping[str, str]) -> Json:
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.expires <= self._now():
            _refuse_grant()
        if form.get("redirect_uri") != code.redirect_uri:
            _refuse_grant()
        if code.challenge and _challenge(form.get("code_verifier", "")) != code.challenge:
            _refuse_grant()
        return self._issue(code.scopes)

    def _refresh(self, form: Mapping[str, str]) -> Json:
        pair = self._pairs.pop(form.get("refresh_token", ""), None)
        if pair is None:
            _refuse_grant()
        self._tokens.revoke(pair.access)
        if pair.refresh_expires <= self._now():
            _refuse_grant()
        return self._issue(pair.scopes)

    def _issue(self, scopes: tuple[str, ...]) -> Json:
        now = self._now()
        access, refresh = (secrets.token_urlsafe(32) for _ in range(2))
        self._pairs[refresh] = _Pair(access, refresh, scopes, now + _REFRESH_LIVES)
        self._tokens.grant(access, scopes, self._company_id, now + _ACCESS_LIVES)
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": _ACCESS_LIVES,
            "refresh_token": refresh,
            "scope": " ".join(scopes),
            "created_at": int(now),
        }

    def revoke(self, form: Mapping[str, str]) -> None:
        """Revoke both tokens of the pair that has this one; do nothing if there is none."""
        token = form.get("token")
        for pair in [one for one in self._pairs.values() if token in {one.access, one.refresh}]:
            del self._pairs[pair.refresh]
            self._tokens.revoke(pair.access)


def check_client(client_id: str | None, client_secret: str | None) -> None:
    """Refuse any other client application."""
    if (client_id, client_secret) != (CLIENT_ID, CLIENT_SECRET):
        _refuse("invalid_client", "Client authentication failed.", 401)


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _refuse(code: str, description: str, status: int = 400) -> NoReturn:
    raise OAuthError(code, description, status)


def _refuse_grant() -> NoReturn:
    _refuse(
        "invalid_grant",
        "The provided authorization grant is invalid, expired, revoked, does not match the "
        "redirection URI used in the authorization request, or was issued to another client.",
    )
