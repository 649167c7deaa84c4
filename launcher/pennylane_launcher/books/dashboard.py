"""The dashboard on the data: pages in the browser, on this machine only."""

import errno
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from pennylane_launcher.errors import LauncherError
from pennylane_launcher.postgres import warehouse
from pennylane_launcher.postgres.database import connection
from pennylane_launcher.settings import envfile

HOST = "127.0.0.1"
FIRST_PORT = 8501
PORTS = 50


def show(project: Path, *, demo: bool, port: int | None, arguments: Sequence[str]) -> int:
    """Serve the dashboard on the data until it is stopped.

    Args:
        project: the project's folder.
        demo: on the demo's database.
        port: where it listens; by default the first free one.
        arguments: further options of Streamlit.

    Returns:
        The exit code of Streamlit.

    Raises:
        LauncherError: the database can't be used, or no port is free.
    """
    port = port or _free_port()
    python = project / ".cache" / "dashboard" / "bin" / "python"
    command = [str(python), "-m", "pennylane_dashboard.start", f"--server.port={port}", *arguments]
    with connection(project, demo=demo) as variables:
        # The demo's views are built without the settings of `.env`.
        settings = {} if demo else envfile.variables(project)
        print(f"The dashboard: http://{HOST}:{port} (on this machine only; Ctrl-C ends it)")
        return subprocess.call(  # noqa: S603
            command,
            cwd=project / "dashboard",
            env={
                **variables,
                **{name: text for name, text in settings.items() if name.startswith("DASHBOARD_")},
                **login(settings),
                "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
            },
        )


def login(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the role that reads, and its login, if the settings have its password.

    Without the password, the app takes on the role.

    Args:
        settings: environment variables, those of `.env` included.
    """
    role = warehouse.reader(settings)
    password = settings.get("POSTGRES_READER_PASSWORD")
    if password and warehouse.url(settings):
        return {"DASHBOARD_ROLE": role, "PGUSER": role, "PGPASSWORD": password}
    return {"DASHBOARD_ROLE": role}


def _free_port() -> int:
    for port in range(FIRST_PORT, FIRST_PORT + PORTS):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            return port
    msg = f"No port from {FIRST_PORT} to {FIRST_PORT + PORTS - 1} is free. Name one with --port."
    raise LauncherError(msg)
