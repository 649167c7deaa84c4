"""The tap's settings: what they are, their defaults, and what to do about a wrong one."""

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
        "api_token",
        th.StringType(min_length=1, pattern=r"^[!-~]+$"),
        required=True,
        secret=True,
        title="API token",
        description=f"Token of the Company API, created {WHERE_TOKENS_ARE}.",
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
            "Read invoices, bank transactions, ledger entries and their lines from this date on "
            "(YYYY-MM-DD), and the trial balances of the fiscal years that end after it. Entries "
            "and invoices without a date are read whatever the start date. "
            "Default: all there is."
        ),
    ),
    th.Property(
        "refresh_hours",
        th.ObjectType(additional_properties=th.NumberType(minimum=0)),
        default={},
        title="Refresh hours",
        description=(
            "For collections without changelog: by stream, how many hours old a read may get "
            'before the next; 0 is every run. JSON, like `{"commercial_documents": 24}`.'
        ),
    ),
    th.Property(
        "page_size",
        th.IntegerType(minimum=1, maximum=1000),
        default=1000,
        title="Page size",
        description=(
            "Rows a request asks for, at most what an endpoint allows: 100, for some 1000."
        ),
    ),
    th.Property(
        "requests_per_window",
        th.IntegerType(minimum=1),
        default=25,
        title="Requests per window",
        description="How many requests are sent in any window, at most.",
    ),
    th.Property(
        "window_seconds",
        th.NumberType(exclusive_minimum=0),
        default=5,
        title="Window",
        description="Length of the rate limit's window in seconds.",
    ),
    th.Property(
        "concurrency",
        th.IntegerType(minimum=1, maximum=32),
        default=16,
        title="Concurrency",
        description="How many requests of a whole read may be under way at once.",
    ),
    th.Property(
        "request_timeout",
        th.NumberType(exclusive_minimum=0),
        default=60,
        title="Request timeout",
        description="Seconds to wait for a connection, and for an answer.",
    ),
    th.Property(
        "max_retries",
        th.IntegerType(minimum=0, maximum=100),
        default=8,
        title="Retries",
        description=(
            "How often a request is repeated after a 429, a 5xx, a broken connection or a "
            "truncated answer; the waits double up to a minute."
        ),
    ),
    th.Property(
        "user_agent",
        th.StringType(min_length=1, pattern=r"^[ -~]+$"),
        default=f"tap-pennylane/{version('tap-pennylane')}",
        title="User agent",
        description="What the requests say of their sender.",
    ),
    th.Property(
        "all_streams",
        th.BooleanType,
        default=False,
        title="All streams",
        description=(
            "Whether to read the streams that cost a request per record, or an export, also where "
            "the catalog selects nearly all of them at once, as `*.*` does."
        ),
    ),
).to_dict()

_PREFIX = "TAP_PENNYLANE_"
_BEARER = re.compile(r"\s*bearer\b\s*", re.IGNORECASE)
_CREDENTIALS = re.compile("//.*@")

NAMES = tuple(SCHEMA["properties"])
"""The tap's own settings, without those that the SDK adds."""

_REMEDIES = {
    "api_token": f"create one {WHERE_TOKENS_ARE} and set TAP_PENNYLANE_API_TOKEN to it",
    "api_url": "give scheme and host only, like https://app.pennylane.com",
    "start_date": "give a date like 2024-01-31",
    "refresh_hours": 'give JSON of streams and hours, like {"commercial_documents": 24}',
    "page_size": "give a whole number from 1 to 1000",
    "requests_per_window": "give a whole number of at least 1; Pennylane allows 25",
    "window_seconds": "give a number of seconds above 0; Pennylane counts in 5",
    "concurrency": "give a whole number from 1 to 32",
    "request_timeout": "give a number of seconds above 0",
    "max_retries": "give a whole number from 0 to 100",
    "user_agent": "give a text of printable ASCII characters",
    "all_streams": "give true or false",
    "stream_maps": 'give JSON by stream, like {"customers": {"name": "md5(name)"}}',
    "stream_map_config": 'give a JSON object, like {"hash_seed": "…"}',
    "faker_config": 'give a JSON object, like {"seed": 1, "locale": ["fr_FR"]}',
    "flattening_enabled": "give true or false",
    "flattening_max_depth": "give a whole number",
    "flattening_max_key_length": "give a whole number",
    "flattening_separator": "give a text",
}


def without_blanks(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are really set: an empty line of a `.env` file sets nothing.

    A token is often copied together with white space, or with the `Bearer` of a header.
    """
    token = config.get("api_token")
    if isinstance(token, str):
        config = {**config, "api_token": _BEARER.sub("", token).strip()}
    return {name: value for name, value in config.items() if value not in ("", None)}


def environment_problems() -> list[str]:
    """Complaints about environment variables that should hold a whole number, or JSON."""
    return [
        _complaint(name, value)
        for name, definition in SCHEMA["properties"].items()
        for value in [os.environ.get(f"{_PREFIX}{name.upper()}")]
        if value is not None
        and (
            ("integer" in definition["type"] and not value.lstrip("+-").isdecimal())
            or ("object" in definition["type"] and not _is_object(value))
        )
    ]


def problems(config: Mapping[str, Any], streams: Collection[str]) -> list[str]:
    """Complaints about settings, each a sentence that says which one and what to do.

    Args:
        config: The tap's configuration.
        streams: The names that `refresh_hours` may hold.
    """
    complaints = list(_misspelt(config))
    if "batch_config" in config:
        complaints.append(
            "Setting 'batch_config' can't be used: BATCH messages would come after the STATE that "
            "takes their records for delivered, and a crash would lose them; remove it"
        )
    for error in Draft202012Validator(SCHEMA).iter_errors(dict(config)):
        if error.validator == "required":
            complaints += [
                f"Setting '{name}' is missing: {_REMEDIES[name]}"
                for name in SCHEMA["required"]
                if name not in config
            ]
        else:
            name = str(error.path[0])
            complaints.append(_complaint(name, config[name]))
    if isinstance(url := config.get("api_url"), str) and not _is_host(url):
        complaints.append(_complaint("api_url", url))
    if isinstance(start := config.get("start_date"), str) and not _is_date(start):
        complaints.append(_complaint("start_date", start))
    complaints += _misspelt_streams(config.get("stream_maps"), {*streams, "sync_log"})
    hours = config.get("refresh_hours")
    if isinstance(hours, dict) and (unknown := hours.keys() - set(streams)):
        complaints.append(_complaint("refresh_hours", dict.fromkeys(unknown, "no such stream")))
    return complaints


def misspelt_variables() -> list[str]:
    """Complaints about environment variables that resemble the one of a setting.

    Meltano passes on only those that it knows, so a mistyped one would be ignored in silence. Those
    with two underscores are Meltano's own: `TAP_PENNYLANE__SELECT`.
    """
    known = {f"{_PREFIX}{name.upper()}": name for name in SCHEMA["properties"]}
    ours = (name for name in sorted(os.environ) if re.match(f"{_PREFIX}[^_]", name))
    guesses = {
        name: nearest(name.removeprefix(_PREFIX), known.values())
        for name in ours
        if name not in known
    }
    return [
        f"There is no setting {name}: use {_PREFIX}{meant.upper()} if that is meant, or remove it"
        for name, meant in guesses.items()
        if meant
    ]


def _misspelt(config: Mapping[str, Any]) -> Iterator[str]:
    for name in config.keys() - SCHEMA["properties"].keys() - {"batch_config"}:
        if meant := nearest(name, SCHEMA["properties"]):
            yield f"There is no setting '{name}': use '{meant}' if that is meant, or remove it"


def _misspelt_streams(maps: object, streams: Collection[str]) -> Iterator[str]:
    for name, definition in maps.items() if isinstance(maps, dict) else ():
        source = definition.get("__source__", name) if isinstance(definition, dict) else name
        if not name.startswith("__") and not filter_names(streams, str(source)):
            yield (
                f"Setting 'stream_maps' is for the stream {suggestion(str(source), streams)}, "
                "which does not exist: `tap-pennylane --discover` lists those that do"
            )


def unknown(config: Mapping[str, Any]) -> list[str]:
    """Settings that nobody knows, and that resemble none: they may be meant for others."""
    return sorted(
        name
        for name in config.keys() - SCHEMA["properties"].keys() - {"batch_config"}
        if not nearest(name, SCHEMA["properties"])
    )


def with_types(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with the numbers and objects that come as text; files have decimals.

    Environment variables are text, and so is what Meltano passes on of them.
    """
    plain: dict[str, Any] = json.loads(json.dumps(dict(config), default=float))
    return {name: _as_declared(name, value) for name, value in plain.items()}


def _as_declared(name: str, value: object) -> object:
    """The value that a text stands for; the text itself if it does not stand for one."""
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
}


def _complaint(name: str, value: object) -> str:
    """What is wrong with a setting. A token is never shown, nor what precedes a URL's host."""
    if name == "api_token":
        found = "holds what no token holds: spaces or line breaks in its middle, or special letters"
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


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
