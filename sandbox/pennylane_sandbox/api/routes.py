"""Finding the endpoint of a path."""

from collections.abc import Mapping

from pennylane_sandbox.api.endpoint import Endpoint


class Routes:
    """The endpoints below one address."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        """Know these endpoints."""
        self._by_shape = {
            "/".join("{id}" if part.startswith("{") else part for part in path.split("/")): endpoint
            for path, endpoint in endpoints.items()
        }

    def resolve(self, path: str) -> tuple[str, Endpoint | None, tuple[str, ...]]:
        """Return the path with `{id}` for ids, its endpoint if it exists, and the ids."""
        if path in self._by_shape:
            return path, self._by_shape[path], ()
        parts = path.split("/")
        for places in ((2,), (3,), (2, 4)):
            if len(parts) > places[-1]:
                named = ["{id}" if place in places else part for place, part in enumerate(parts)]
                shape = "/".join(named)
                if shape in self._by_shape:
                    return shape, self._by_shape[shape], tuple(parts[place] for place in places)
        return path, None, ()
