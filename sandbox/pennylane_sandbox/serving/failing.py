"""Faults of what is served outside the APIs: files and OAuth."""

from collections.abc import Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pennylane_sandbox.faults import Fault
from pennylane_sandbox.serving.http import cut_off


class _CutOff(Response):
    """Closes the connection: without an answer, or in the middle of the body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await cut_off(scope, receive, send, bytes(self.body) or None, [])


def failure(fault: Fault, whole: Callable[[], bytes]) -> Response:
    """Answer according to a fault, which may send half of the whole body."""
    match fault.kind:
        case "drop":
            return _CutOff()
        case "truncate":
            return _CutOff(whole())
        case "body":
            return Response(fault.body)
        case "rate_limit":
            return Response(status_code=429, headers={"retry-after": str(int(fault.seconds))})
    return Response(status_code=fault.status)
