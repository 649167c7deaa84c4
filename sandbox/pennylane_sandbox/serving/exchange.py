"""What a request asks for, and what it is answered."""

from dataclasses import dataclass

from pennylane_sandbox.api.query import Query
from pennylane_sandbox.model import Json


@dataclass(frozen=True, slots=True)
class Request:
    """An admitted request; `files` is the address below which exports are."""

    path: str
    query: Query
    scopes: tuple[str, ...]
    ids: tuple[str, ...] = ()
    method: str = "GET"
    body: bytes = b""
    files: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON body and the number of its rows."""

    body: Json
    rows: int = 0
    status: int = 200
