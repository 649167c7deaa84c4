"""`metrics`: serves the metrics until stopped, or writes them once."""

import sys
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from socket import AF_INET, AF_INET6
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, generate_latest, write_to_textfile
from prometheus_client.exposition import choose_encoder

from pennylane_launcher import meltano
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.metrics.collector import Warehouse
from pennylane_launcher.metrics.figures import Figures
from pennylane_launcher.postgres import embedded, warehouse
from pennylane_launcher.postgres.database import DATABASE, DEMO_DATABASE
from pennylane_launcher.settings import envfile

HOST = "127.0.0.1"
PORT = 9817


def serve(project: Path, *, demo: bool, host: str, port: int) -> int:
    """Serve `/metrics` until a signal ends the program.

    Args:
        project: the project's folder.
        demo: those of the demo's database.
        host: the address to listen on.
        port: the port; 0 is any free one.

    Raises:
        LauncherError: a setting is invalid, or the address cannot be used.
    """
    with ExitStack() as stack:
        registry = _registry(project, demo=demo, stack=stack)
        try:
            server = _Server((host, port), registry)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            msg = (
                f"The metrics cannot be served on {host} port {port}: {reason}. Choose another"
                " address with --host and --port."
            )
            raise LauncherError(msg) from error
        with server:
            address = f"[{host}]" if ":" in host else host
            print(f"Metrics until Ctrl-C: http://{address}:{server.server_port}/metrics")
            if not _is_local(host):
                print("Other machines can read them: there is no password.")
            server.serve_forever()
    return 0


def write(project: Path, *, demo: bool, file: str) -> int:
    """Write the metrics once, as text.

    Args:
        project: the project's folder.
        demo: those of the demo's database.
        file: replaced at once, for the textfile collector of node_exporter; `-` prints them.

    Raises:
        LauncherError: a setting is invalid, or the file cannot be written.
    """
    with ExitStack() as stack:
        registry = _registry(project, demo=demo, stack=stack)
        if file == "-":
            print(generate_latest(registry).decode(), end="")
            return 0
        try:
            write_to_textfile(file, registry)
            Path(file).chmod(0o644)
        except OSError as error:
            msg = f"The metrics cannot be written to {file}: {error.strerror}."
            raise LauncherError(msg) from error
    return 0


def _registry(project: Path, *, demo: bool, stack: ExitStack) -> CollectorRegistry:
    """Return the metrics of a database; an embedded one runs until the stack is closed."""
    settings = envfile.variables(project)
    url = None if demo else warehouse.url(settings)
    schema = meltano.SCHEMA if demo else warehouse.schema(settings)
    if url is None:
        server = stack.enter_context(embedded.server(project / ".embedded"))
        url = server.url(DEMO_DATABASE if demo else DATABASE)
    named = {meltano.TARGET_URL: url, "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": schema}
    figures = Figures(url, schema, warehouse.reader(settings))
    registry = CollectorRegistry()
    registry.register(Warehouse(project, {**settings, **named}, figures))
    return registry


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], registry: CollectorRegistry) -> None:
        self.registry = registry
        self.address_family = AF_INET6 if ":" in address[0] else AF_INET
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - theirs
        """Say nothing if the client has gone: Prometheus waits only as long as it was told to."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request. Pages of other sites get no permission to read the answer."""

    server: _Server
    server_version = "pennylane-metrics"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        """Serve the metrics, as OpenMetrics if that was asked for."""
        if urlsplit(self.path).path != "/metrics":
            self.send_error(404, "Not found", "The metrics are at /metrics.")
            return
        encode, content_type = choose_encoder(self.headers.get("Accept") or "")
        content = encode(self.server.registry)
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Log nothing: a scrape per minute is no news."""


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
