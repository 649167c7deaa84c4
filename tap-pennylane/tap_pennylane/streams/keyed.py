"""What identifies a stream's records, and which schema they follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream, StreamSchema
from singer_sdk.schema.source import SchemaDirectory
from typing_extensions import override

from tap_pennylane import schemas
from tap_pennylane.record import OMITTED, PRIVATE
from tap_pennylane.schemas import schema_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_pennylane.run import Run


class PublicSchemas(SchemaDirectory):
    """The schema files without private keywords, for catalogs and targets."""

    @override
    def fetch_schema(self, key: str) -> dict[str, Any]:
        schema = super().fetch_schema(key)
        schema.pop(OMITTED, None)
        for definition in schema["properties"].values():
            for keyword in PRIVATE:
                definition.pop(keyword, None)
        return schema


class KeyedStream(Stream):
    """A stream whose key may begin with the company."""

    primary_keys: ClassVar[Sequence[str]] = ("id",)
    schema: ClassVar[StreamSchema[str]] = StreamSchema(PublicSchemas(schemas))

    company_key: ClassVar[Sequence[str]] = ()
    """The part of the key that names the company, in a firm's streams: its first column."""

    @property
    def run(self) -> Run:
        """The objects that the company's streams share."""
        raise NotImplementedError

    @property
    def own_keys(self) -> Sequence[str]:
        """The key without the company."""
        return type(self).primary_keys[len(self.company_key) :]

    @property
    def constants(self) -> dict[str, int]:
        """The columns that name the company, and its id."""
        return dict.fromkeys(self.company_key, self.run.company_id) if self.company_key else {}

    def private_schema(self) -> dict[str, Any]:
        """Return the schema file, with its private keywords."""
        return schema_file(self.name)
