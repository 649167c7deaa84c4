"""The tap's settings: their definitions and defaults, and what to do about a wrong value."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from fnmatch import filter as filter_names
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator
from singer_sdk import typing as th

from tap_pennylane.api.refusal import WHERE_TOKENS_ARE
from tap_pennylane.spelling import nearest, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

SCHEMA: dict[str, Any] = th.PropertiesList(
    th.Property(
        "api",
        th.StringType,
        allowed_values=["company", "firm"],
        default="company",
        title="API",
        description=(
            "Which of Pennylane's APIs the token belongs to: `company`, or `firm` for the token of "
            "an accounting firm, which sees all of its client companies."
        ),
    ),
    th.Property(
        "api_token",
        th.StringType(min_length=1, pattern=r"^[!-~]+$"),
        secret=True,
        title="API token",
        description=(
            f"Token of the Company API or of the Firm API, created {WHERE_TOKENS_ARE}. Required, "
            "unless you sign in with OAuth 2.0."
        ),
    ),
    th.Property(
        "client_id",
        th.StringType(min_length=1, pattern=r"^[!-~]+$"),
        title="Client id",
        description=(
            "With OAuth 2.0, instead of a token: the id of your application, from Pennylane's "
            "partnership team."
        ),
    ),
    th.Property(
        "client_secret",
        th.StringType(min_length=1, pattern=r"^[!-~]+$"),
        secret=True,
        title="Client secret",
        description="With OAuth 2.0: the application's secret.",
    ),
    th.Property(
        "credentials_file",
        th.StringType(min_length=1),
        title="Credential file",
        description=(
            "With OAuth 2.0: path of the file that `tap-pennylane-login` writes, and whose tokens "
            "each run refreshes."
        ),
    ),
    th.Property(
        "credentials_url",
        th.StringType(pattern=r"^postgres(ql)?://([^@/?#\s]*@)?[^@?#\s]*(\?[^@#\s]*)?$"),
        secret=True,
        title="Credential database",
        description=(
            "With OAuth 2.0, instead of a file, for several machines: URL of the PostgreSQL "
            "database that holds the tokens, such as `postgresql://user:password@host:5432/db`."
        ),
    ),
    th.Property(
        "credentials_name",
        th.StringType(min_length=1),
        title="Credential name",
        description=(
            "With `credentials_url`: the name of the sign-in, if the database holds several. "
            "Default: the value of `api`."
        ),
    ),
    th.Property(
        "api_url",
        th.StringType,
        default="https://app.pennylane.com",
        title="API URL",
        description="Scheme and host of Pennylane; the tap adds the API's path.",
    ),
    th.Property(
        "start_date",
        th.DateType,
        title="Start date",
        description=(
            "Read only invoices, bank transactions, ledger entries and ledger entry lines dated on "
            "or after this day (YYYY-MM-DD), and trial balances and exports of fiscal years that "
            "end on or after it. Invoices and entries without a date are always read. Default: "
            "everything."
        ),
    ),
    th.Property(
        "company_ids",
        th.ArrayType(th.IntegerType),
        title="Companies",
        description=(
            "With `api: firm`: read only the companies with these ids. JSON, such as `[101, 102]`. "
            "Default: all."
        ),
    ),
    th.Property(
        "exclude_company_ids",
        th.ArrayType(th.IntegerType),
        title="Excluded companies",
        description="With `api: firm`: do not read the companies with these ids. JSON.",
    ),
    th.Property(
        "client_codes",
        th.ArrayType(th.StringType),
        title="Client codes",
        description=(
            "With `api: firm`: read only the companies with these client codes (codes client). "
            'JSON, such as `["DUPONT", "MARTIN"]`. Default: all.'
        ),
    ),
    th.Property(
        "follow_minutes",
        th.NumberType(minimum=0),
        default=15,
        title="Follow minutes",
        description=(
            "With `api: firm`: after how many minutes the companies that are loaded are read again "
            "while another one is loaded for the first time."
        ),
    ),
    th.Property(
        "refresh_hours",
        th.ObjectType(additional_properties=th.NumberType(minimum=0)),
        default={},
        title="Refresh hours",
        description=(
            "The number of hours between two reads or, for a collection with a changelog, between "
            "two looks at it, by stream; 0 means every run. JSON, such as "
            '`{"commercial_documents": 24}`.'
        ),
    ),
    th.Property(
        "verify_requests",
        th.IntegerType(minimum=0),
        default=100,
        title="Verification requests",
        description=(
            "Maximum number of requests per run for reading old records again, to find changes and "
            "deletions that left no event; 0 turns this off."
        ),
    ),
    th.Property(
        "verify_days",
        th.ObjectType(additional_properties=th.NumberType(minimum=0)),
        default={},
        title="Verification days",
        description=(
            "For collections with a changelog, and the trial balance: within how many days all "
            "records are read again, by stream; 7 unless set, 1 for `ledger_entries`. JSON, such "
            'as `{"customers": 30}`.'
        ),
    ),
    th.Property(
        "page_size",
        th.IntegerType(minimum=1, maximum=1000),
        default=1000,
        title="Page size",
        description="Rows per page, capped by the endpoint: 100 for most, 1000 for some.",
    ),
    th.Property(
        "requests_per_window",
        th.IntegerType(minimum=1),
        default=25,
        title="Requests per window",
        description=(
            "Maximum number of requests sent in any window of `window_seconds`. With `api: firm`, "
            "5 in 1 second unless one of the two is set."
        ),
    ),
    th.Property(
        "window_seconds",
        th.NumberType(exclusive_minimum=0),
        default=5,
        title="Window",
        description="Length of the rate limit's window, in seconds.",
    ),
    th.Property(
        "concurrency",
        th.IntegerType(minimum=1, maximum=32),
        default=16,
        title="Concurrency",
        description="Maximum number of requests in flight at once.",
    ),
    th.Property(
        "request_timeout",
        th.NumberType(exclusive_minimum=0),
        default=60,
        title="Request timeout",
        description="Seconds to wait for a connection, and for a response.",
    ),
    th.Property(
        "max_retries",
        th.IntegerType(minimum=0, maximum=100),
        default=8,
        title="Retries",
        description=(
            "Maximum number of retries after a 429, a 5xx, a broken connection or a truncated "
            "response; the wait doubles each time, up to a minute."
        ),
    ),
    th.Property(
        "user_agent",
        th.StringType(min_length=1, pattern=r"^[ -~]+$"),
        default=f"tap-pennylane/{version('tap-pennylane')}",
        title="User agent",
        description="User-Agent header of the requests.",
    ),
    th.Property(
        "all_streams",
        th.BooleanType,
        default=False,
        title="All streams",
        description=(
            "Whether to read the streams that need one request per record, or an export, even if "
            "the catalog selects nearly all of them at once, as `*.*` does."
        ),
    ),
).to_dict()

_PREFIX = "TAP_PENNYLANE_"
_BEARER = re.compile(r"\s*bearer\b\s*", re.IGNORECASE)
_CREDENTIALS = re.compile("//.*@")

OAUTH = ("client_id", "client_secret")
"""The settings that, with one of the places, replace `api_token`."""

PLACES = ("credentials_file", "credentials_url")
"""Where OAuth's tokens are: exactly one is needed."""

WAYS = (("api_token",), *((*OAUTH, place) for place in PLACES))
"""The settings of which exactly one group is needed."""

NAMES = tuple(SCHEMA["properties"])
"""The tap's own settings; the SDK adds others."""

_REMEDIES = {
    "api": "give company or firm",
    "company_ids": "give JSON of the companies' ids, like [101, 102]",
    "exclude_company_ids": "give JSON of the companies' ids, like [101, 102]",
    "client_codes": 'give JSON of the companies\' client codes, like ["DUPONT", "MARTIN"]',
    "follow_minutes": "give a number of minutes of at least 0",
    "api_token": f"create one {WHERE_TOKENS_ARE} and set TAP_PENNYLANE_API_TOKEN to it",
    "client_id": "give the one that Pennylane's partnership team sent you",
    "client_secret": "give the one that Pennylane's partnership team sent you",
    "credentials_file": "give the path of the file that tap-pennylane-login writes",
    "credentials_url": (
        "give one like postgresql://user:password@host:5432/database, and percent-encode "
        "characters such as @ : / % in the password"
    ),
    "credentials_name": "give a name",
    "api_url": "give scheme and host only, like https://app.pennylane.com",
    "start_date": "give a date like 2024-01-31",
    "refresh_hours": 'give JSON of streams and hours, like {"commercial_documents": 24}',
    "verify_requests": "give a whole number of at least 0; 0 turns the verification off",
    "verify_days": 'give JSON of streams and days, like {"customers": 30}',
    "page_size": "give a whole number from 1 to 1000",
    "requests_per_window": "give a whole number of at least 1; Pennylane allows 25",
    "window_seconds": "give a number of seconds above 0; Pennylane counts in 5",
    "concurrency": "give a whole number from 1 to 32",
    "request_timeout": "give a number of seconds above 0",
    "max_retries": "give a whole number from 0 to 100",
    "user_agent": "use printable ASCII characters only",
    "all_streams": "give true or false",
    "stream_maps": 'give JSON by stream, like {"customers": {"name": "md5(name)"}}',
    "stream_map_config": 'give a JSON object, like {"hash_seed": "…"}',
    "faker_config": 'give a JSON object, like {"seed": 1, "locale": ["fr_FR"]}',
    "flattening_enabled": "give true or false",
    "flattening_max_depth": "give a whole number",
    "flattening_max_key_length": "give a whole number",
    "flattening_separator": "give a string",
}


def without_blanks(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that have a value; an empty line in a `.env` file sets nothing.

    White space around a token, and the `Bearer` of a header, are removed: they are often copied
    with it.
    """
    token = config.get("api_token")
    if isinstance(token, str):
        config = {**config, "api_token": _BEARER.sub("", token).strip()}
    return {name: value for name, value in config.items() if value not in ("", None)}


def environment_problems() -> list[str]:
    """Return an error for each environment variable that should hold an integer or JSON."""
    return [
        _complaint(name, value)
        for name, definition in SCHEMA["properties"].items()
        for value in [os.environ.get(f"{_PREFIX}{name.upper()}")]
        if value is not None
        and (
            ("integer" in definition["type"] and not value.lstrip("+-").isdecimal())
            or ("object" in definition["type"] and not _is_json(value, dict))
            or ("array" in definition["type"] and not _is_json(value, list))
        )
    ]


def problems(config: Mapping[str, Any], streams: Collection[str]) -> list[str]:
    """Return an error for each wrong setting: which one it is, and what to do.

    Args:
        config: The tap's configuration.
        streams: The stream names that `refresh_hours` and `verify_days` may contain.
    """
    complaints = list(_misspelt(config))
    if "batch_config" in config:
        complaints.append(
            "Setting 'batch_config' can't be used: a BATCH message would follow the STATE message "
            "that marks its records as delivered, so a crash would lose them; remove the setting"
        )
    for error in Draft202012Validator(SCHEMA).iter_errors(dict(config)):
        name = str(error.path[0])
        complaints.append(_complaint(name, config[name]))
    complaints += _ways(config)
    if isinstance(url := config.get("api_url"), str) and not _is_host(url):
        complaints.append(_complaint("api_url", url))
    if isinstance(start := config.get("start_date"), str) and not _is_date(start):
        complaints.append(_complaint("start_date", start))
    if config.get("api") != "firm":
        complaints += [
            f"Setting '{name}' needs the Firm API: set 'api' to firm, or remove it"
            for name in ("company_ids", "exclude_company_ids", "client_codes")
            if config.get(name)
        ]
    complaints += _misspelt_streams(config.get("stream_maps"), {*streams, "sync_log"})
    for name in ("refresh_hours", "verify_days"):
        found = config.get(name)
        if isinstance(found, dict) and (unknown := found.keys() - set(streams)):
            complaints.append(_complaint(name, dict.fromkeys(unknown, "no such stream")))
    return complaints


def misspelt_variables() -> list[str]:
    """Return an error for each environment variable whose name resembles a setting's.

    Meltano passes on only the variables that it knows, so a misspelt one would be ignored silently.
    Names with two underscores, such as `TAP_PENNYLANE__SELECT`, are Meltano's own.
    """
    known = {f"{_PREFIX}{name.upper()}": name for name in SCHEMA["properties"]}
    ours = (name for name in sorted(os.environ) if re.match(f"{_PREFIX}[^_]", name))
    guesses = {
        name: nearest(name.removeprefix(_PREFIX), known.values())
        for name in ours
        if name not in known
    }
    return [
        f"There is no setting {name}: rename it to {_PREFIX}{meant.upper()}, or remove it"
        for name, meant in guesses.items()
        if meant
    ]


def missing(name: str) -> str:
    """Return the error for a setting that is needed."""
    return f"Setting '{name}' is missing: {_REMEDIES[name]}"


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"{_PREFIX}{name.upper()}"


def _ways(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield an error unless exactly one way to get a token is set."""
    given = [name for name in (*OAUTH, *PLACES) if name in config]
    if "api_token" in config and given:
        yield (
            f"Settings 'api_token' and '{given[0]}' exclude each other: remove 'api_token' to use "
            f"OAuth, or {' and '.join(repr(name) for name in given)} to use the token"
        )
    elif "api_token" not in config and not given:
        yield (f"{missing('api_token')}; or sign in with tap-pennylane-login and set '{PLACES[0]}'")
    elif given:
        yield from oauth_problems(config)


def oauth_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield an error for each setting that OAuth lacks or that contradicts another one.

    Args:
        config: The settings.
    """
    yield from (missing(name) for name in OAUTH if name not in config)
    file, url = PLACES
    if file not in config and url not in config:
        yield f"{missing(file)}; or set '{url}', to keep the tokens in a database"
    if file in config and url in config:
        yield (
            f"Settings '{file}' and '{url}' exclude each other: remove '{url}' to keep the tokens "
            f"in the file, or '{file}' to keep them in the database"
        )
    if "credentials_name" in config and url not in config:
        yield f"Setting 'credentials_name' needs '{url}': set that, or remove it"


def _misspelt(config: Mapping[str, Any]) -> Iterator[str]:
    for name in config.keys() - SCHEMA["properties"].keys() - {"batch_config"}:
        if meant := nearest(name, SCHEMA["properties"]):
            yield f"There is no setting '{name}': rename it to '{meant}', or remove it"


def _misspelt_streams(maps: object, streams: Collection[str]) -> Iterator[str]:
    for name, definition in maps.items() if isinstance(maps, dict) else ():
        source = definition.get("__source__", name) if isinstance(definition, dict) else name
        if not name.startswith("__") and not filter_names(streams, str(source)):
            yield (
                f"Setting 'stream_maps' names the stream {suggestion(str(source), streams)}, "
                "which does not exist: `tap-pennylane --discover` lists the streams"
            )


def unknown(config: Mapping[str, Any]) -> list[str]:
    """Return the unknown settings that resemble none of ours; other plugins may use them."""
    return sorted(
        name
        for name in config.keys() - SCHEMA["properties"].keys() - {"batch_config"}
        if not nearest(name, SCHEMA["properties"])
    )


def with_defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings, and the defaults of those that are not given.

    Pennylane's pages give 25 requests in 5 s for all tokens; others met 5 in 1 s with a firm's.
    Both are kept with the latter.
    """
    properties = SCHEMA["properties"].items()
    defaults = {name: one["default"] for name, one in properties if "default" in one}
    limit = {"requests_per_window", "window_seconds"}
    if config.get("api") == "firm" and limit.isdisjoint(config):
        defaults |= {"requests_per_window": 5, "window_seconds": 1}
    return {**defaults, **config}


def with_types(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings with numbers, objects and lists parsed from text.

    Environment variables are text, and Meltano passes them on as such. Settings files yield
    `Decimal` numbers, which become floats.
    """
    plain: dict[str, Any] = json.loads(json.dumps(dict(config), default=float))
    return {name: _as_declared(name, value) for name, value in plain.items()}


def _as_declared(name: str, value: object) -> object:
    """Parse a text as its setting's type; return it unchanged if that fails."""
    types = SCHEMA["properties"].get(name, {}).get("type", [])
    parse = next((_PARSERS[kind] for kind in types if kind in _PARSERS), None)
    if parse is None or not isinstance(value, str):
        return value
    try:
        return parse(value)
    except ValueError:
        return value


_PARSERS: dict[str, Callable[[str], object]] = {
    "integer": int,
    "number": float,
    "object": json.loads,
    "array": json.loads,
}


def _complaint(name: str, value: object) -> str:
    """Describe a wrong value, without showing a token or a URL's credentials."""
    if name == "credentials_url":
        found = "is not the URL of a PostgreSQL database"
    elif SCHEMA["properties"].get(name, {}).get("secret"):
        found = "contains spaces, line breaks or non-ASCII characters, which no token has"
    else:
        found = f"can't be {_CREDENTIALS.sub('//***@', repr(value))}"
    return f"Setting '{name}' {found}: {_REMEDIES[name]}"


def _is_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port != 0
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and port_is_valid
        and parts.path in {"", "/"}
        and not (parts.query or parts.fragment or parts.username)
        and not any(character.isspace() for character in url)
    )


def _is_json(text: str, kind: type) -> bool:
    try:
        return isinstance(json.loads(text), kind)
    except ValueError:
        return False


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
