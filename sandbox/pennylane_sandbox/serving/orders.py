"""Orders of exports, and questions whether they are ready."""

from typing import Final

import orjson

from pennylane_sandbox.api import query as asked
from pennylane_sandbox.api.errors import refuse, refuse_malformed, refuse_unknown
from pennylane_sandbox.exports import Exports
from pennylane_sandbox.serving.exchange import Answer, Request

_PERIOD: Final = ("period_start", "period_end")
_MORE: Final[dict[str, tuple[str, ...]]] = {
    "analytical_general_ledgers": ("mode",),
    "software_specific_entries": (
        "export_type",
        "journal_codes",
        "include_attachments",
        "account_numbers_type",
        "incremental",
    ),
}


def order(exports: Exports, request: Request) -> Answer:
    """Order an export, as the request's body says."""
    if request.method != "POST":
        refuse(405, "Method Not Allowed")
    try:
        wanted = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        refuse_malformed("the body is not JSON", "ValidateError")
    if not isinstance(wanted, dict):
        refuse_malformed("the body is not an object", "ValidateError")
    kind = request.path.rpartition("/")[2]
    known = {*_PERIOD, *_MORE.get(kind, ())}
    if set(wanted) - known:
        refuse_malformed("the body has unknown properties", "NotExistPropertyDefinition")
    if wanted.get("mode", "in_line") not in {"in_line", "in_column"}:
        refuse_malformed("mode is neither in_line nor in_column", "NotEnumInclude")
    if "export_type" in known and wanted.get("export_type") not in {"acd", "agiris"}:
        refuse_malformed("export_type is neither acd nor agiris", "NotEnumInclude")
    period = {name: str(wanted[name]) for name in _PERIOD if name in wanted}
    start, end = asked.day(period, "period_start"), asked.day(period, "period_end")
    return Answer(exports.order(kind, start, end), 0, 201)


def look(exports: Exports, request: Request) -> Answer:
    """Answer whether an export is ready, and where its file is."""
    kind, text = request.path.split("/")[2], request.ids[0]
    number = int(text) if text.isascii() and text.isdigit() else 0
    shown = exports.look(kind, number, request.files)
    if shown is None:
        refuse_unknown()
    return Answer(shown, 1)
