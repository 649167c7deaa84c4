"""Reading a whole collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import metrics

from tap_pennylane.pagination import pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_pennylane.streams.base import PennylaneStream


def scan(stream: PennylaneStream) -> Iterator[dict[str, Any]]:
    """Read a stream's collection to its end, slice by slice, page by page.

    Yields:
        The API's items, each with the parameters of its slice.

    Raises:
        PennylaneError: The collection could not be read whole.
    """
    parameters = stream.parameters()
    with metrics.http_request_counter(stream.name, stream.path) as requests:
        for part in stream.slices():
            for page in pages(stream.tap.client, stream.path, {**parameters, **part}):
                requests.increment()
                for item in page:
                    yield {**item, **part} if part else item
