"""What a catalog may select, and errors about selections that cannot be intended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import Metadata

from tap_pennylane.spelling import suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from singer_sdk import Stream
    from singer_sdk.singerlib import Catalog


EIGHTH = 8
"""`*.*` may exclude one in so many streams before the rest counts as selected by name."""


def spare_costly_streams(streams: Collection[Stream]) -> str | None:
    """Deselect the streams that are off by default if nearly all of them are selected at once.

    A catalog does not say whether a stream was selected by name. But a user who lists streams by
    name will not list nearly all of them, cheap and costly, so this must be the pattern `*.*`.

    Args:
        streams: All streams, as the catalog selects them.

    Returns:
        The warning to log, without a full stop; None if nothing was deselected.
    """
    costly = [stream for stream in streams if not stream.selected_by_default]
    selected = [stream for stream in costly if stream.selected]
    others = [stream for stream in streams if stream.selected_by_default]
    few = len(costly) // EIGHTH
    if len(costly) - len(selected) > few or not all(stream.selected for stream in others):
        return None
    for stream in selected:
        stream.selected = False
    return (
        f"{len(selected)} of the {len(costly)} streams that need one request per record, or an "
        "export, are selected at once, as by `*.*`: none of them is read. Select those you need by "
        f"name, such as `{costly[0].name}.*`, or set 'all_streams' to true to read them all"
    )


def problems(catalog: Catalog | None, streams: dict[str, Any]) -> Iterator[str]:
    """Yield an error for each impossible selection, a sentence without a full stop.

    Args:
        catalog: The user's catalog; None if the streams' defaults apply.
        streams: The streams by name, with their selection applied.
    """
    for name, entry in (catalog or {}).items():
        if name not in streams and entry.metadata.resolve_selection().get((), False):
            yield (
                f"The catalog selects the stream {suggestion(name, streams)}, which does not "
                "exist: `tap-pennylane --discover` lists the streams"
            )
    chosen = [stream for stream in streams.values() if stream.selected]
    if not any(stream.name != "sync_log" for stream in chosen):
        yield (
            "No stream is selected: check that each pattern in `select` names a stream that "
            "`tap-pennylane --discover` lists, such as `customers.*`"
        )
    for stream in chosen:
        if _has_lost_its_columns(stream):
            yield (
                f"'{stream.name}' has no column selected besides those that always are: check that "
                f"`select` names columns that exist, or use `{stream.name}.*` for all of them"
            )


def _has_lost_its_columns(stream: Stream) -> bool:
    columns = {key: one for key, one in stream.metadata.items() if key}
    free = [
        key for key, one in columns.items() if one.inclusion != Metadata.InclusionType.AUTOMATIC
    ]
    is_asked_for = any(one.selected for one in columns.values())
    return bool(free) and not is_asked_for and not any(stream.mask[key] for key in free)
