"""The files that exports link to, without a token, because the links are signed."""

import os
from collections.abc import Iterator
from typing import IO, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from pennylane_sandbox.one_company import Company
from pennylane_sandbox.sandbox import Sandbox
from pennylane_sandbox.serving.failing import failure

_CHUNK: Final = 1 << 20


class Files:
    """Serves the files, or fails according to a fault."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Serve the exports of this sandbox."""
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """Return where the files are."""
        return [
            Route("/files/{kind}/{export_id:int}", self._lend),
            Route("/files/{company_id:int}/{kind}/{export_id:int}", self._lend),
        ]

    async def _lend(self, request: Request) -> Response:
        kind, export_id = request.path_params["kind"], request.path_params["export_id"]
        signature = request.query_params.get("signature", "")
        try:
            company = self._sandbox.find(request.path_params.get("company_id"))
            lent = company.exports.fetch(kind, export_id, signature)
        except LookupError:
            lent = None
        if lent is None:
            return JSONResponse({"error": "Forbidden", "status": 403}, 403)
        file, media_type = lent
        fault = self._sandbox.faults.strike(request.url.path)
        if fault is not None and fault.kind == "latency":
            await self._sandbox.faults.hold_back(fault)
        elif fault is not None:
            return failure(fault, lambda: b"".join(_chunks(file)))
        headers = {"content-length": str(_size(file))}
        return StreamingResponse(_chunks(file), headers=headers, media_type=media_type)


def address(origin: str, sandbox: Sandbox, company: Company | None) -> str:
    """Return the address below which a company's files are; in a firm, it names the company."""
    named = f"/{company.profile.id}" if sandbox.firm and company else ""
    return f"{origin}/files{named}"


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    """Read without moving the file's shared position."""
    for offset in range(0, _size(file), _CHUNK):
        yield os.pread(file.fileno(), _CHUNK, offset)
