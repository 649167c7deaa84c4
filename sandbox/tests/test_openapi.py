"""Every answer of both APIs, checked against Pennylane's own OpenAPI documents."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

COMPANY, FIRM = "/api/external/v2", "/api/external/firm/v1"
# Observed on the real API, although its document lacks them.
PAGE_KEYS = ("current_page", "per_page", "total_items", "total_pages")
WITH_PAGE_KEYS = ("/journals", "/ledger_accounts", "/ledger_entries", "/fiscal_years")
Json = dict[str, Any]

formats = FormatChecker(formats=["date", "email", "uuid"])


@formats.checks("date-time")
def _is_rfc3339(value: object) -> bool:
    return not isinstance(value, str) or bool(
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value)
    )


@formats.checks("int64")
def _is_int64(value: object) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63


KEPT = frozenset(
    {"type", "format", "enum", "pattern", "required", "minimum", "maximum", "minItems"}
)


def to_json_schema(schema: Any, document: Json, *, part: bool = False) -> Any:
    """Turn an OpenAPI 3.0 schema into JSON Schema, refusing keys that it does not declare."""
    if "$ref" in schema:
        return to_json_schema(_target(schema["$ref"], document), document, part=part)
    out = {key: value for key, value in schema.items() if key in KEPT}
    for key in ("allOf", "anyOf", "oneOf"):
        if key in schema:
            parts = key == "allOf"
            out[key] = [to_json_schema(one, document, part=parts) for one in schema[key]]
    if "items" in schema:
        out["items"] = to_json_schema(schema["items"], document)
    if "properties" in schema:
        out["properties"] = {
            name: to_json_schema(one, document) for name, one in schema["properties"].items()
        }
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        out["additionalProperties"] = to_json_schema(extra, document)
    elif not part:
        # A part of an `allOf` cannot know what the others declare: their merger is closed instead.
        out["unevaluatedProperties"] = False
    return _nullable(out) if schema.get("nullable") else out


def _target(reference: str, document: Json) -> Any:
    found: Any = document
    for name in reference.split("/")[1:]:
        found = found[name]
    return found


def _nullable(schema: Json) -> Json:
    if "enum" in schema:
        schema["enum"] = [one for one in schema["enum"] if one is not None]
        if not schema["enum"]:
            return {"type": "null"}
    return {"anyOf": [schema, {"type": "null"}]}


class Contract:
    """The document's operations below an address."""

    def __init__(self, document: Json, prefix: str) -> None:
        self._document = document
        self._prefix = prefix
        self._validators: dict[tuple[str, str, str], Draft202012Validator] = {}
        self.paths = {
            path.removeprefix(prefix): item["get"]
            for path, item in document["paths"].items()
            if "get" in item and path.startswith(f"{prefix}/")
        }

    def parameters(self, path: str) -> dict[str, Json]:
        return {one["name"]: one for one in self.paths[path].get("parameters", [])}

    def scopes(self, path: str) -> list[str]:
        scopes: list[str] = self.paths[path]["security"][0]["oauth2"]
        return scopes

    def check(self, path: str, status: int, body: Any, method: str = "get") -> None:
        key = (path, str(status), method)
        if key not in self._validators:
            operation = self._document["paths"][self._prefix + path][method]
            response = operation["responses"][str(status)]
            while "$ref" in response:
                response = self._document["components"]["responses"][
                    response["$ref"].split("/")[-1]
                ]
            schema = to_json_schema(
                response["content"]["application/json"]["schema"], self._document
            )
            self._validators[key] = Draft202012Validator(schema, format_checker=formats)
        if status == 200 and self._prefix == COMPANY and path in WITH_PAGE_KEYS:
            assert [body.pop(name) for name in PAGE_KEYS] == [None] * 4
        errors = [
            f"{path} {status} {error.json_path}: {error.message[:300]}"
            for error in self._validators[key].iter_errors(body)
        ]
        assert not errors, errors[:3]


@pytest.fixture(scope="module", params=[COMPANY, FIRM])
def api(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def contract(api: str, request: pytest.FixtureRequest) -> Contract:
    if api == COMPANY:
        return Contract(request.getfixturevalue("document"), COMPANY)
    return Contract(request.getfixturevalue("firm_document"), f"{FIRM}/companies/{{company_id}}")


@pytest.fixture(scope="module")
def served(api: str, module_start: Callable[..., Any]) -> Any:
    """A company, at one of the APIs."""
    options = ("--rate-limit", "none", "--size", "600")
    if api == COMPANY:
        return module_start(*options)
    sandbox = module_start(*options, "--companies", "2")
    _, second = sandbox.firm.get("/companies").json()["items"]
    return sandbox.of(second["id"])


def _grant(served: Any, token: str, scopes: list[str]) -> None:
    of_the_firm = served.prefix != COMPANY
    served.control("POST", "tokens", {"token": token, "scopes": scopes, "firm": of_the_firm})


def _parent_ids(served: Any, path: str) -> Iterator[int]:
    parent = path.split("/{", maxsplit=1)[0].lstrip("/")
    rows = served.state(
        {"company_customers": "customers", "individual_customers": "customers"}.get(parent, parent)
    )
    kind = {"company_customers": "company", "individual_customers": "individual"}.get(parent)
    return (row["id"] for row in rows if kind is None or row["customer_type"] == kind)


def test_every_path_of_the_document_answers_as_it_says(
    api: str, served: Any, contract: Contract
) -> None:
    for resource in ("customer_invoices", "customers", "suppliers", "products", "quotes"):
        served.change(resource, create=2, update=1)
    served.change("supplier_invoices", create=1)
    served.change("ledger_entries", update=20, delete=2)
    served.change("ledger_entry_lines", update=40, delete=2)
    served.change("transactions", create=4, update=2, delete=1)
    if api == FIRM:
        served.change("dms_files", create=3, update=2, delete=1)
    checked = dict.fromkeys(contract.paths, 0)
    for path in contract.paths:
        for body in _answers(served, contract, path):
            contract.check(path, 200, body)
            checked[path] += len(body["items"]) if "items" in body else 1
    assert [path for path, rows in checked.items() if not rows] == []


def _answers(served: Any, contract: Contract, path: str) -> Iterator[Json]:
    parameters = contract.parameters(path)
    sizes = [name for name in ("limit", "per_page") if name in parameters]
    params: Json = {name: parameters[name]["schema"]["maximum"] for name in sizes}
    if path == "/trial_balance":
        params |= {"period_start": "2025-01-01", "period_end": "2025-12-31"}
    if path.startswith("/exports/"):
        kind = path.split("/")[2]
        period = {"period_start": "2025-01-01", "period_end": "2025-06-30"}
        more = {"export_type": "acd"} if kind == "software_specific_entries" else {}
        ordered = served.post(f"/exports/{kind}", period | more)
        contract.check(f"/exports/{kind}", ordered.status_code, ordered.json(), "post")
        for _ in range(2):
            yield served.get(f"/exports/{kind}/{ordered.json()['id']}").json()
    elif "{" not in path:
        yield from served.pages(path, **params)
        if "include" in contract.parameters(path):
            yield from served.pages(path, **params, include="invoice_lines")
    elif path.count("{") == 2:
        yield from _items_of_lists(served, path)
    else:
        for place, one in enumerate(_parent_ids(served, path)):
            answer = served.get(re.sub(r"\{\w+\}", str(one), path), **params)
            assert answer.status_code == 200, answer.text
            yield answer.json()
            if place == 40:
                break


def _items_of_lists(served: Any, path: str) -> Iterator[Json]:
    before, _, name, _ = path.strip("/").split("/")
    for one in list(_parent_ids(served, path))[:40]:
        for item in served.items(f"/{before}/{one}/{name}"):
            yield served.get(f"/{before}/{one}/{name}/{item['id']}").json()


def test_the_check_notices_what_is_wrong(served: Any, contract: Contract) -> None:
    for path in ("/customers", "/customer_invoices", "/ledger_entry_lines"):
        body = served.get(path, limit=1).json()
        contract.check(path, 200, body)
        for wrong in (
            {"items": [body["items"][0] | {"undeclared": 1}]},
            {"items": [body["items"][0] | {"id": "1"}]},
            {"items": [body["items"][0] | {"created_at": "yesterday"}]},
            {"items": [dict(list(body["items"][0].items())[1:])]},
            {"undeclared": None},
        ):
            with pytest.raises(AssertionError):
                contract.check(path, 200, body | wrong)


def test_every_refusal_has_the_documents_shape(served: Any, contract: Contract) -> None:
    _grant(served, "powerless", [])
    for path in contract.paths:
        address = re.sub(r"\{\w+\}", "1", path)
        answer = served.get(address, token=None)
        assert answer.status_code == 401
        contract.check(path, 401, answer.json())
        if contract.scopes(path):
            answer = served.get(address, token="powerless")
            assert answer.status_code == 403
            contract.check(path, 403, answer.json())
        if "{" in path:
            answer = served.get(address)
            assert answer.status_code == 404
            contract.check(path, 404, answer.json())
        if path.startswith("/exports"):
            continue
        parameters = contract.parameters(path)
        wrong: list[Json] = [
            {name: "nonsense"}
            for name in ("filter", "sort", "cursor", "page")
            if name in parameters
        ]
        for name in ("limit", "per_page"):
            if name in parameters:
                most = parameters[name]["schema"]["maximum"]
                wrong += [{name: 0}, {name: most + 1}, {name: "x"}]
        if "{" in path and path.count("/") > 2:
            address = re.sub(r"\{\w+\}", str(next(_parent_ids(served, path), 1)), path)
        for params in wrong:
            answer = served.get(address, **params)
            assert answer.status_code == 400, (path, params, answer.text)
            contract.check(path, 400, answer.json())
    answer = served.get("/changelogs/customer_invoices", start_date="2020-01-01T00:00:00Z")
    assert answer.status_code == 422
    contract.check("/changelogs/customer_invoices", 422, answer.json())


def test_scopes_are_the_documents(api: str, served: Any, contract: Contract) -> None:
    every = {scope for path in contract.paths for scope in contract.scopes(path)}
    me = (served.firm if api == FIRM else served).get("/me").json()
    assert set(me["scopes"]) == every | ({"companies:readonly"} if api == FIRM else set())
    for scope in {*every, "products:all"}:
        _grant(served, scope, [scope])
    for path in contract.paths:
        address = re.sub(r"\{\w+\}", "1", path)
        wanted = contract.scopes(path)
        for scope in wanted:
            assert served.get(address, token=scope).status_code != 403, (path, scope)
        if wanted:
            other = "products:all" if "products:all" not in wanted else "quotes:all"
            answer = served.get(address, token=other)
            assert answer.status_code == 403
            assert any(scope in answer.json()["error"] for scope in wanted)


def _declared_filters(text: str) -> dict[str, set[str]]:
    """Read fields and operators from a filter's description."""
    fields: dict[str, set[str]] = {}
    operators = {"lt", "lteq", "gt", "gteq", "eq", "not_eq", "in", "not_in", "start_with"}
    one_line = re.search(r"Available fields : (.*)\nAvailable operators : (.*)", text)
    if one_line:
        names = re.findall(r"`(\w+)`", one_line[1])
        return {name: set(re.findall(r"`(\w+)`", one_line[2])) for name in names}
    for line in text.splitlines():
        if match := re.match(r"- ((?:`\w+`,? ?)+) ?: (.*)", line):
            found = set(re.findall(r"\w+", match[2])) & operators
            fields |= dict.fromkeys(re.findall(r"`(\w+)`", match[1]), found)
    return fields


def _value(field: str, operator: str) -> Any:
    if field in {"draft", "credit_note", "enabled"}:
        return True
    value: Any = 42 if field == "id" or (field.endswith("_id") and field != "flow_id") else "x"
    if field in {"date", "start"}:
        value = "2025-03-01"
    return [value] if operator in {"in", "not_in"} else value


def test_filters_and_sorts_are_the_documents(served: Any, contract: Contract) -> None:
    operators = ("lt", "lteq", "gt", "gteq", "eq", "not_eq", "in", "not_in", "start_with")
    declared_somewhere = 0
    for path in contract.paths:
        parameters = contract.parameters(path)
        if "{id}" in path or "limit" not in parameters:
            continue
        address = path
        if "{" in path:
            address = re.sub(r"\{\w+\}", str(next(_parent_ids(served, path))), path)
        more: Json = {}
        if path == "/trial_balance":
            more = {"period_start": "2025-01-01", "period_end": "2025-12-31"}
        fields = (
            _declared_filters(parameters["filter"]["description"]) if "filter" in parameters else {}
        )
        assert bool(fields) == ("filter" in parameters), path
        declared_somewhere += len(fields)
        for field in {*fields, "updated_at", "nonsense"}:
            for operator in operators:
                clause = {"field": field, "operator": operator, "value": _value(field, operator)}
                status = served.get(address, filter=[clause], **more).status_code
                expected = 200 if operator in fields.get(field, ()) else 400
                assert status == expected, (path, clause, status)
        sorts: list[str] = []
        if "sort" in parameters:
            sorts = re.findall(
                r"`(\w+)`", parameters["sort"]["description"].rpartition("Available")[2]
            )
            assert sorts, path
        for name in ("id", "date", "start", "rank", "updated_at"):
            for sign in ("", "-"):
                status = served.get(address, sort=sign + name, **more).status_code
                assert status == (200 if name in sorts else 400), (path, sign + name, status)
    assert declared_somewhere > (70 if contract.paths.keys() >= {"/quotes"} else 40)


def test_the_firms_own_paths_answer_as_they_say(
    firm_document: Json, module_start: Callable[..., Any]
) -> None:
    contract = Contract(firm_document, FIRM)
    firm = module_start("--rate-limit", "none", "--size", "100", "--companies", "3").firm
    companies = [one for page in firm.pages("/companies", per_page=2) for one in page["items"]]
    for page in firm.pages("/companies", per_page=2):
        contract.check("/companies", 200, page)
    for company in companies:
        answer = firm.get(f"/companies/{company['id']}")
        contract.check("/companies/{id}", 200, answer.json())
        assert answer.json() == company
    contract.check("/companies/{id}", 404, firm.get("/companies/1").json())
    contract.check("/companies", 401, firm.get("/companies", token="unknown").json())
    field = "client_code"
    fields = _declared_filters(contract.parameters("/companies")["filter"]["description"])
    assert set(fields) == {field}
    code = companies[1][field]
    others = [one for one in companies if one[field] != code]
    for operator, value, expected in (
        ("eq", code, companies[1:2]),
        ("not_eq", code, others),
        ("in", [code], companies[1:2]),
        ("not_in", [code], others),
    ):
        clause = {"field": field, "operator": operator, "value": value}
        assert firm.get("/companies", filter=[clause]).json()["items"] == expected
        assert operator in fields[field]
    for wrong in ({"per_page": 1001}, {"page": 0}, {"limit": 5}, {"filter": "x"}):
        contract.check("/companies", 400, firm.get("/companies", **wrong).json())
