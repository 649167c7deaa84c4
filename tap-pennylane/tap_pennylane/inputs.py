"""Reads the files that the command line names: settings, catalog, state.

A file that cannot be used raises a `ConfigValidationError`, whose message names the file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.singerlib import Catalog

STANDARD_INPUT = "-"
CATALOG = "catalog"
STATE = "state"


def read_config(path: str) -> dict[str, Any]:
    """Return the settings in a file."""
    return _read_object("config", path)


def read_state(path: str) -> dict[str, Any]:
    """Return the state of an earlier run.

    The file may hold the value of a STATE message, the entire message, or the state as Meltano
    stores it.
    """
    found = _read_object(STATE, path)
    state: Any = found.get("singer_state", found)
    if found.get("type") == "STATE":
        state = found.get("value")
    if not isinstance(state, dict) or (state and not _has_bookmarks(state)):
        reason = "it contains no bookmarks"
        remedy = 'use the state that a run wrote, {"bookmarks": {…}}, or omit it for a first load'
        raise _unusable(STATE, path, reason, remedy)
    return dict(state)


def read_catalog(path: str) -> Catalog:
    """Return the catalog: the streams and columns to read."""
    catalog = _read_object(CATALOG, path)
    try:
        return Catalog.from_dict({"streams": catalog["streams"]})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = "it is not a catalog"
        remedy = "create one: tap-pennylane --discover > catalog.json"
        raise _unusable(CATALOG, path, reason, remedy) from error


def _has_bookmarks(state: dict[str, Any]) -> bool:
    bookmarks = state.get("bookmarks")
    return isinstance(bookmarks, dict) and all(isinstance(one, dict) for one in bookmarks.values())


def _read_object(kind: str, path: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if path == STANDARD_INPUT else Path(path).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise _unusable(kind, path, "it is not UTF-8", "save it in that encoding") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise _unusable(kind, path, reason, "check the path and its permissions") from error
    if not text.strip():
        remedy = "omit it for a first load" if kind == STATE else "create it again"
        raise _unusable(kind, path, "it is empty", remedy)
    try:
        found = json.loads(text)
    except ValueError as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        advice = "keep only the last line of a target's output" if kind == STATE else "correct it"
        raise _unusable(kind, path, f"it is not valid JSON{where}", advice) from error
    if not isinstance(found, dict):
        raise _unusable(kind, path, "it is not a JSON object, {…}", "correct it")
    return found


def _unusable(kind: str, path: str, reason: str, remedy: str) -> ConfigValidationError:
    sentence = f"The {kind} file '{path}' can't be used: {reason}; {remedy}"
    return ConfigValidationError(sentence, errors=[sentence])
