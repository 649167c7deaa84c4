"""What a catalog may change about a stream: the selection of columns, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk import Stream
from singer_sdk.singerlib import Metadata, Schema
from typing_extensions import override

from tap_pennylane.record import DELETED_AT

if TYPE_CHECKING:
    from singer_sdk.singerlib import Catalog, MetadataMapping


class CataloguedStream(Stream):
    """A stream whose key and replication method a catalog cannot change."""

    refusal: str | None = None
    """Why nothing can be sent under this catalog; None if it can."""

    @property
    @override
    def metadata(self) -> MetadataMapping:
        """The SDK's metadata, with the deletion column always selected."""
        metadata = super().metadata
        if DELETED_AT in self.schema["properties"]:
            metadata[("properties", DELETED_AT)].inclusion = Metadata.InclusionType.AUTOMATIC
        return metadata

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Apply a catalog's selection, and nothing else.

        The deletion column is added to older catalogs, which lack it.
        """
        method, keys = self.forced_replication_method, list(self.primary_keys)
        if entry := catalog.get_stream(self.name):
            if DELETED_AT in (own := self.schema["properties"]):
                declared = {DELETED_AT: Schema.from_dict(own[DELETED_AT])}
                entry.schema.properties = {**declared, **(entry.schema.properties or {})}
            if entry.key_properties and list(entry.key_properties) != keys:
                self.refusal = (
                    f"the catalog makes {', '.join(entry.key_properties)} its key, which does not "
                    "identify deleted records: remove 'table-key-properties' from the catalog"
                )
            entry.key_properties = keys
        super().apply_catalog(catalog)
        if self.replication_key or self.forced_replication_method == "INCREMENTAL":
            self.refusal = (
                f"the catalog asks for replication by {self.replication_key!r}, by which Pennylane "
                "can't filter: remove 'replication-method' and 'replication-key' from the catalog; "
                "the tap finds changes without them"
            )
        self.replication_key, self.forced_replication_method = None, method
