"""A sandbox as its users run it: a separate process, queried over HTTP."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy, deepcopy
from pathlib import Path
from typing import Any

import pytest
import requests

PREFIX = "/api/external/v2"
FIRM_PREFIX = "/api/external/firm/v1"
ADDITIONS = Path(__file__).parents[2] / "openapi" / "september_2026.json"
COMMAND = Path(sys.executable).with_name("pennylane-sandbox")


class Running:
    """A running sandbox, seen with a token below an address: an API's, or that of a client."""

    def __init__(self, process: "subprocess.Popen[str]", base: str) -> None:
        self.process = process
        self.base = base
        self.prefix = PREFIX
        self.token = "sandbox-token"  # noqa: S105 - it is public
        self.company_id: int | None = None
        self.session = requests.Session()

    def _seen(self, prefix: str, token: str, company_id: int | None) -> "Running":
        seen = copy(self)
        seen.prefix, seen.token, seen.company_id = prefix, token, company_id
        return seen

    @property
    def firm(self) -> "Running":
        return self._seen(FIRM_PREFIX, "sandbox-firm-token", None)

    def of(self, company_id: int) -> "Running":
        """A company, through the firm."""
        return self._seen(f"{FIRM_PREFIX}/companies/{company_id}", "sandbox-firm-token", company_id)

    def alone(self, company_id: int) -> "Running":
        """A company, with its own token at the Company API."""
        return self._seen(PREFIX, f"sandbox-token-{company_id}", company_id)

    def get(self, path: str, *, token: str | None = "", **params: Any) -> requests.Response:
        if "filter" in params and not isinstance(params["filter"], str):
            params["filter"] = json.dumps(params["filter"])
        token = self.token if token == "" else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.session.get(
            f"{self.base}{self.prefix}{path}", params=params, headers=headers, timeout=30
        )

    def post(self, path: str, body: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.session.post(
            f"{self.base}{self.prefix}{path}", json=body, headers=headers, timeout=30
        )

    def pages(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        while True:
            answer = self.get(path, **params)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            yield page
            if "total_items" in page and "has_more" not in page:
                if page["current_page"] == page["total_pages"]:
                    return
                params["page"] = page["current_page"] + 1
                continue
            if not page.get("has_more"):
                assert page.get("next_cursor") is None
                return
            params["cursor"] = page["next_cursor"]
            params.pop("start_date", None)  # a changelog takes one or the other

    def items(self, path: str, **params: Any) -> list[dict[str, Any]]:
        if "per_page" not in params:
            params.setdefault("limit", 100)
        return [item for page in self.pages(path, **params) for item in page["items"]]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.session.request(method, f"{self.base}/sandbox/{path}", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def own(self, method: str, path: str, body: Any = None) -> Any:
        """Control the company, if one was named."""
        below = "" if self.company_id is None else f"companies/{self.company_id}/"
        return self.control(method, below + path, body)

    def state(self, resource: str) -> list[dict[str, Any]]:
        kind = "state" if self.prefix == PREFIX else "firm_state"
        items: list[dict[str, Any]] = self.own("GET", f"{kind}/{resource}")["items"]
        return items

    def change(self, resource: str, **wanted: Any) -> dict[str, list[int]]:
        done: dict[str, list[int]] = self.own("POST", "changes", {"resource": resource, **wanted})
        return done


@contextmanager
def run(*arguments: str) -> Iterator[Running]:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(
        [COMMAND, "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line.startswith("pennylane-sandbox: http://"), line
            running = Running(process, line.split(": ", 1)[1].strip())
            with running.session:
                yield running
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Running]:
    """A sandbox that tests only read from."""
    with run("--rate-limit", "none", "--size", "2000") as running:
        yield running


@pytest.fixture(scope="module")
def changing() -> Iterator[Running]:
    """A sandbox for one file of tests, which change it."""
    with run("--rate-limit", "none", "--size", "600") as running:
        yield running


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    """Start separate sandboxes."""
    with ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(run(*arguments))


@pytest.fixture(scope="module")
def module_start() -> Iterator[Callable[..., Running]]:
    """Start sandboxes for one file of tests."""
    with ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(run(*arguments))


@pytest.fixture(scope="session")
def command() -> Path:
    """The command itself."""
    return COMMAND


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    """Pennylane's OpenAPI document of the Company API."""
    loaded = _load("company_v2.json")
    _add_to(loaded)
    return loaded


@pytest.fixture(scope="session")
def firm_document() -> dict[str, Any]:
    """Pennylane's OpenAPI document of the Firm API."""
    loaded = _load("firm_v1.json")
    _add_values(loaded, json.loads(ADDITIONS.read_text("utf-8")))
    return loaded


def _load(name: str) -> dict[str, Any]:
    folder = os.environ.get("PENNYLANE_OPENAPI_DIR")
    if not folder:
        pytest.skip("PENNYLANE_OPENAPI_DIR does not say where Pennylane's OpenAPI documents are")
    loaded: dict[str, Any] = json.loads(Path(folder, name).read_text("utf-8"))
    return loaded


def _add_to(document: dict[str, Any]) -> None:
    """Add the fields, filters and operations that the API has but the document lacks."""
    additions = json.loads(ADDITIONS.read_text("utf-8"))
    for path, wanted in additions["operations"].items():
        operation = deepcopy(_get(document, wanted["like"]))
        operation["security"] = [{"oauth2": wanted["scopes"]}]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        if "items" in schema["properties"]:
            schema["properties"]["items"]["items"] = wanted["item"]
        else:
            schema |= wanted["item"]
        document["paths"][PREFIX + path] = {"get": operation}
    _add_fields(document, additions["fields"])
    _add_values(document, additions)
    for path, text in additions["filters"].items():
        for parameter in _get(document, path)["parameters"]:
            if parameter["name"] == "filter":
                parameter["description"] += text


def _add_fields(document: dict[str, Any], additions: list[dict[str, Any]]) -> None:
    for addition in additions:
        for path in addition["of"]:
            for record in _records(_get(document, path), addition.get("in", [])):
                record["properties"] |= addition["add"]
                record["required"] = [*record["required"], *addition["add"]]


def _add_values(document: dict[str, Any], additions: dict[str, Any]) -> None:
    for known in _lists_of_values(document):
        fitting = [one for one in additions["values"] if set(one["beside"]) <= set(known)]
        known.extend(value for one in fitting for value in one["add"])


def _lists_of_values(node: Any) -> Iterator[list[Any]]:
    for one in node.values() if isinstance(node, dict) else node:
        if isinstance(one, dict | list):
            yield from _lists_of_values(one)
    if isinstance(node, dict) and isinstance(node.get("enum"), list):
        yield node["enum"]


def _get(document: dict[str, Any], path: str) -> dict[str, Any]:
    operation: dict[str, Any] = document["paths"][PREFIX + path]["get"]
    return operation


def _records(operation: dict[str, Any], keys: list[str]) -> list[dict[str, Any]]:
    """The schemas of a record, or of the part below these keys."""
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    found = []
    for part in schema.get("allOf", [schema]):
        record = part
        if keys[:1] != ["included"] and "items" in part["properties"]:
            record = part["properties"]["items"]["items"]
        for key in keys:
            record = record.get("properties", {}).get(key, {})
        if "additionalProperties" in record and isinstance(record["additionalProperties"], dict):
            record = record["additionalProperties"]["properties"]["items"]["items"]
        if "properties" in record and "required" in record:
            found.append(record)
    return found
