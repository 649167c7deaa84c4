"""The HTTP server: uvicorn on uvloop, which reports its port and can cut a connection."""

import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pennylane_sandbox.sandbox import Sandbox
from pennylane_sandbox.serving.app import Api
from pennylane_sandbox.serving.control import Control
from pennylane_sandbox.serving.doors import FIRM_PREFIX, PREFIX, CompanyDoor, FirmDoor
from pennylane_sandbox.serving.files import Files
from pennylane_sandbox.serving.http import TRANSPORT
from pennylane_sandbox.serving.oauth import OAuthPages


class _Protocol(HttpToolsProtocol):
    """Gives the application access to the connection, so that it can break it on request."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[TRANSPORT] = self.transport  # type: ignore[typeddict-unknown-key]


class _Server(uvicorn.Server):
    """Reports when it is ready to answer."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def application(sandbox: Sandbox) -> Starlette:
    """Assemble the APIs, the control plane and the files."""
    company_door = CompanyDoor(sandbox)
    apis = [Mount(PREFIX, Api(sandbox, company_door))]
    firm_door = None
    if sandbox.firm is not None:
        firm_door = FirmDoor(sandbox, sandbox.firm)
        apis.append(Mount(FIRM_PREFIX, Api(sandbox, firm_door)))
    control = Control(sandbox, company_door, firm_door)
    others = [*Files(sandbox).routes(), *OAuthPages(sandbox).routes()]
    return Starlette(routes=[*apis, *control.routes(), *others])


def serve(sandbox: Sandbox, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until told to stop."""
    config = uvicorn.Config(
        application(sandbox),
        loop="uvloop",
        http=_Protocol,
        log_config=None,
        access_log=False,
        date_header=False,
        server_header=False,
        lifespan="off",
        # A client that waits for the rate limit should find its connection still open.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    _Server(config, ready).run([listener])
