"""Sending answers, including broken ones."""

from typing import Final

from starlette.types import Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]

TRANSPORT: Final = "pennylane_sandbox.transport"


async def respond(
    send: Send, status: int, body: bytes, content_type: bytes, extra: Headers
) -> None:
    """Send a complete answer."""
    headers = [
        (b"content-type", content_type),
        (b"content-length", b"%d" % len(body)),
        *extra,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def cut_off(
    scope: Scope, receive: Receive, send: Send, body: bytes | None, extra: Headers
) -> None:
    """Close the connection: without an answer, or in the middle of the body."""
    if body is not None:
        headers = [
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            *extra,
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        half = body[: len(body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
    scope[TRANSPORT].close()
    while (await receive())["type"] != "http.disconnect":
        pass


async def body_of(receive: Receive) -> bytes:
    """Read a request's complete body."""
    pieces = []
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)
