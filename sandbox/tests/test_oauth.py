"""OAuth 2.0: the first pair of tokens, its replacement, and its end."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

CLIENT = {"client_id": "sandbox-client", "client_secret": "sandbox-client-secret"}
BACK = "http://127.0.0.1:1/callback"
VERIFIER = "a" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")
DAY = 86_400


@pytest.fixture(scope="module")
def server(module_start: Callable[..., Any]) -> Any:
    """A small company, whose clock tests advance."""
    return module_start("--size", "0", "--rate-limit", "none")


def _authorize(server: Any, **query: Any) -> requests.Response:
    asked = {
        "response_type": "code",
        "client_id": CLIENT["client_id"],
        "redirect_uri": BACK,
        "state": "s&1",
        **query,
    }
    answer: requests.Response = server.session.get(
        f"{server.base}/oauth/authorize", params=asked, allow_redirects=False, timeout=10
    )
    return answer


def _told(answer: requests.Response) -> dict[str, str]:
    assert answer.status_code == 302, answer.text
    location = answer.headers["location"]
    assert location.startswith(f"{BACK}?")
    return {key: values[0] for key, values in parse_qs(urlsplit(location).query).items()}


def _post(server: Any, path: str = "token", **form: str) -> requests.Response:
    answer: requests.Response = server.session.post(
        f"{server.base}/oauth/{path}", data=form, timeout=10
    )
    return answer


def _exchange(server: Any, code: str, **form: str) -> requests.Response:
    wanted = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    return _post(server, **{**CLIENT, **wanted, **form})


def _refresh(server: Any, token: str, **form: str) -> requests.Response:
    return _post(
        server, **{**CLIENT, "grant_type": "refresh_token", "refresh_token": token, **form}
    )


def _pair(server: Any) -> dict[str, Any]:
    answer = _exchange(server, _told(_authorize(server))["code"])
    assert answer.status_code == 200, answer.text
    pair: dict[str, Any] = answer.json()
    return pair


def _works(server: Any, token: str) -> bool:
    status: int = server.get("/me", token=token).status_code
    assert status in {200, 401}
    return status == 200


def _error(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_a_code_is_exchanged_once_for_a_pair(server: Any) -> None:
    told = _told(_authorize(server))
    assert told["state"] == "s&1"
    pair = _exchange(server, told["code"]).json()
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", DAY)
    assert _works(server, pair["access_token"])
    assert not _works(server, pair["refresh_token"])
    assert server.get("/customers", token=pair["access_token"]).status_code == 200
    assert _error(_exchange(server, told["code"])) == (400, "invalid_grant")


def test_a_challenge_needs_its_verifier(server: Any) -> None:
    wanted = {"code_challenge": CHALLENGE.decode(), "code_challenge_method": "S256"}
    codes = [_told(_authorize(server, **wanted))["code"] for _ in range(3)]
    assert _exchange(server, codes[0], code_verifier=VERIFIER).status_code == 200
    assert _error(_exchange(server, codes[1], code_verifier="b" * 43)) == (400, "invalid_grant")
    assert _error(_exchange(server, codes[2])) == (400, "invalid_grant")
    plain = _told(_authorize(server, **{**wanted, "code_challenge_method": "plain"}))
    assert (plain["error"], plain["state"]) == ("invalid_request", "s&1")


def test_a_code_belongs_to_its_address_and_is_short_lived(server: Any) -> None:
    first, second = (_told(_authorize(server))["code"] for _ in range(2))
    other = "http://127.0.0.1:2/callback"
    assert _error(_exchange(server, first, redirect_uri=other)) == (400, "invalid_grant")
    server.control("POST", "clock", {"advance_seconds": 601})
    assert _error(_exchange(server, second)) == (400, "invalid_grant")


def test_wrong_requests_are_refused(server: Any) -> None:
    assert _authorize(server, client_id="another").status_code == 401
    assert _authorize(server, redirect_uri="callback").status_code == 401
    assert _told(_authorize(server, response_type="token"))["error"] == "unsupported_response_type"
    assert _told(_authorize(server, scope="customers:readonly no:such"))["error"] == "invalid_scope"
    pair = _pair(server)
    for wrong in ({"client_secret": "wrong"}, {"client_id": "another"}):
        assert _error(_refresh(server, pair["refresh_token"], **wrong)) == (401, "invalid_client")
    assert _error(_post(server, **CLIENT, grant_type="password"))[1] == "unsupported_grant_type"
    assert _works(server, pair["access_token"])


def test_the_client_may_also_authenticate_in_a_header(server: Any) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": _pair(server)["refresh_token"]}
    answer = server.session.post(
        f"{server.base}/oauth/token", data=form, auth=tuple(CLIENT.values()), timeout=10
    )
    assert answer.status_code == 200


def test_scopes_are_those_that_were_asked_for(server: Any) -> None:
    told = _told(_authorize(server, scope="customers:readonly"))
    pair = _exchange(server, told["code"]).json()
    _sees_customers_only(server, pair)
    _sees_customers_only(server, _refresh(server, pair["refresh_token"]).json())


def _sees_customers_only(server: Any, pair: dict[str, Any]) -> None:
    assert pair["scope"] == "customers:readonly"
    assert server.get("/customers", token=pair["access_token"]).status_code == 200
    assert server.get("/suppliers", token=pair["access_token"]).status_code == 403


def test_a_refresh_invalidates_both_old_tokens(server: Any) -> None:
    old = _pair(server)
    new = _refresh(server, old["refresh_token"]).json()
    assert not _works(server, old["access_token"])
    assert _works(server, new["access_token"])
    assert _error(_refresh(server, old["refresh_token"])) == (400, "invalid_grant")
    assert _works(server, new["access_token"])


def test_tokens_expire_by_the_sandbox_s_clock(server: Any) -> None:
    first, second = _pair(server), _pair(server)
    server.control("POST", "clock", {"advance_seconds": DAY - 60})
    assert _works(server, first["access_token"])
    server.control("POST", "clock", {"advance_seconds": 120})
    assert not _works(server, first["access_token"])
    assert _works(server, _refresh(server, first["refresh_token"]).json()["access_token"])
    server.control("POST", "clock", {"advance_seconds": 90 * DAY})
    assert _error(_refresh(server, second["refresh_token"])) == (400, "invalid_grant")


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_revocation_ends_both_tokens(server: Any, kind: str) -> None:
    pair = _pair(server)
    assert _error(_post(server, "revoke", token=pair[kind])) == (401, "invalid_client")
    assert _works(server, pair["access_token"])
    for _ in range(2):  # an unknown token is no error
        assert _post(server, "revoke", **CLIENT, token=pair[kind]).status_code == 200
    assert not _works(server, pair["access_token"])
    assert _error(_refresh(server, pair["refresh_token"])) == (400, "invalid_grant")


def test_an_answer_that_is_cut_off_was_a_refresh_all_the_same(server: Any) -> None:
    pair = _pair(server)
    for kind in ("drop", "status"):
        server.control("POST", "faults", {"path": "/oauth/token", "kind": kind})
    with pytest.raises(requests.ConnectionError):
        _refresh(server, pair["refresh_token"])
    assert _refresh(server, pair["refresh_token"]).status_code == 503
    assert _works(server, pair["access_token"])
    server.control("POST", "faults", {"path": "/oauth/token", "kind": "truncate"})
    with pytest.raises(requests.RequestException):
        _refresh(server, pair["refresh_token"])
    assert not _works(server, pair["access_token"])


def test_requests_are_counted(server: Any) -> None:
    server.control("DELETE", "stats")
    _refresh(server, _pair(server)["refresh_token"])
    requested = server.control("GET", "stats")["requests"]
    assert requested == {"/oauth/authorize": 1, "/oauth/token": 2}


def test_a_firm_s_grant_sees_all_companies(start: Callable[..., Any]) -> None:
    server = start("--companies", "2", "--size", "0", "--rate-limit", "none")
    token = _pair(server)["access_token"]
    assert len(server.firm.get("/companies", token=token).json()["items"]) == 2
    assert server.get("/me", token=token).status_code == 401
