"""The client companies of an accounting firm, as its token sees them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from typing_extensions import override

from tap_pennylane.api.collection import Collection
from tap_pennylane.api.query import filtered
from tap_pennylane.errors import PennylaneError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_pennylane.api.client import Client
    from tap_pennylane.api.collection import Items

PATH = "/companies"


class Company(NamedTuple):
    """One client company."""

    id: int
    name: str

    def __str__(self) -> str:
        """Return the name and the id, for messages."""
        return f"company '{self.name}' ({self.id})"


class Companies(Collection):
    """The list of companies that the settings choose, requested once per run."""

    def __init__(self, client: Client, config: Mapping[str, Any]) -> None:
        """Prepare it; nothing is sent yet.

        Args:
            client: Sends the requests.
            config: The tap's settings, with defaults.
        """
        codes = config.get("client_codes")
        query = {"per_page": config["page_size"]}
        conditions = [("client_code", "in", list(codes))] if codes else []
        super().__init__(client, "companies", PATH, filtered(query, *conditions))
        self._wanted = config.get("company_ids")
        self._excluded = set(config.get("exclude_company_ids") or ())

    @cached_property
    def _chosen(self) -> Items:
        found = [item for items in super().read_part({}) for item in items]
        return [item for item in found if self._is_chosen(item.get("id"))]

    def _is_chosen(self, identity: object) -> bool:
        is_wanted = not self._wanted or identity in self._wanted
        return is_wanted and identity not in self._excluded

    @override
    def read_part(self, part: Mapping[str, Any]) -> Iterator[Items]:
        yield self._chosen

    def all(self) -> list[Company]:
        """Return the companies.

        Raises:
            PennylaneError: They can't be read, or one has no id.
        """
        for item in self._chosen:
            if not isinstance(item.get("id"), int):
                msg = f"{PATH} returned a company without an id"
                raise PennylaneError(msg)
        return [Company(item["id"], str(item.get("name") or "")) for item in self._chosen]

    def unknown(self) -> list[int]:
        """Return the ids in the setting `company_ids` that the list does not have."""
        known = {item.get("id") for item in self._chosen} | self._excluded
        return [one for one in self._wanted or () if one not in known]
