"""What a catalog may select, and what is said of a selection that nobody can have meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import Metadata

from tap_pennylane.spelling import suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from singer_sdk import Stream
    from singer_sdk.singerlib import Catalog


FEW = 3
"""So many streams may be left out of `*.*` before the rest counts as chosen by name."""


def spare_costly_streams(streams: Collection[Stream]) -> str | None:
    """Deselect what is off by default if nearly all of it is selected: that is `*.*`, no choice.

    A catalog does not tell whether a stream was asked for by its name. Whoever lists those that he
    wants does not list all of them.

    Args:
        streams: All streams, as the catalog selects them.

    Returns:
        What to say of it; None where nothing was deselected.
    """
    costly = [stream for stream in streams if not stream.selected_by_default]
    selected = [stream for stream in costly if stream.selected]
    if len(costly) - len(selected) > FEW:
        return None
    for stream in selected:
        stream.selected = False
    return (
        f"{len(selected)} of the {len(costly)} streams that cost a request per record, or an "
        "export, are selected at once, as by `*.*`: none of them is read. Select those that you "
        "want by name, like "
        f"`{costly[0].name}.*`, or set 'all_streams' to true to read them all"
    )


def problems(catalog: Catalog | None, streams: dict[str, Any]) -> Iterator[str]:
    """Complaints about a selection, each a sentence without a full stop.

    Args:
        catalog: What the user gave; None where the streams' own defaults hold.
        streams: The streams by name, as they are selected.
    """
    for name, entry in (catalog or {}).items():
        if name not in streams and entry.metadata.resolve_selection().get((), False):
            yield (
                f"The catalog selects the stream {suggestion(name, streams)}, which does not "
                "exist: `tap-pennylane --discover` lists those that do"
            )
    chosen = [stream for stream in streams.values() if stream.selected]
    if not any(stream.name != "sync_log" for stream in chosen):
        yield (
            "No stream is selected: see that each pattern of `select` names a stream that "
            "`tap-pennylane --discover` lists, like `customers.*`"
        )
    for stream in chosen:
        if _has_lost_its_columns(stream):
            yield (
                f"Of '{stream.name}' no column is selected but those that always are: see that "
                f"`select` names columns that it has, or all of them, `{stream.name}.*`"
            )


def _has_lost_its_columns(stream: Stream) -> bool:
    columns = {key: one for key, one in stream.metadata.items() if key}
    free = [
        key for key, one in columns.items() if one.inclusion != Metadata.InclusionType.AUTOMATIC
    ]
    is_asked_for = any(one.selected for one in columns.values())
    return bool(free) and not is_asked_for and not any(stream.mask[key] for key in free)
