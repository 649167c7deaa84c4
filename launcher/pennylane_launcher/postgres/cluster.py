"""One PostgreSQL data directory: creates it, starts and stops its server."""

import os
import shlex
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from pennylane_launcher.errors import LauncherError
from pennylane_launcher.postgres.place import Place

PATIENCE = 2.0
"""Seconds that the processes of a killed server get to notice."""
SUPERUSER = "postgres"
READING = {
    # The marts sum whole tables: sorts and hashes stay in memory.
    "work_mem": "32MB",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    # On an SSD, a random page costs hardly more than the next one.
    "random_page_cost": "1.1",
    # Compiling the views' wide plans takes longer than running them.
    "jit": "off",
}
"""Settings for the marts, as in docker-compose.yml, on a machine that has other work."""
LOCALE = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"


@dataclass(frozen=True)
class Cluster:
    """A data directory and its server. Not safe to use concurrently: callers take turns."""

    place: Place

    @property
    def log(self) -> Path:
        """The server's log since its last start."""
        return self.place.data / "server.log"

    def running(self) -> bool:
        """Tell whether a server is running on the data directory."""
        return self._postmaster() is not None

    def start(self) -> None:
        """Start the server and wait until it answers; create the data directory if it is missing.

        Raises:
            LauncherError: it does not start; quotes the server's last words.
        """
        self.place.prepare()
        if not (self.place.data / "PG_VERSION").exists():
            self._run(
                "initdb",
                *("-D", self.place.data, "-U", SUPERUSER, "-E", "UTF8", f"--locale={LOCALE}"),
                *("--auth=trust", "--no-instructions"),
            )
        self._end_orphans()
        # Its process id may belong to another program by now, which would deceive PostgreSQL.
        (self.place.data / "postmaster.pid").unlink(missing_ok=True)
        self.log.unlink(missing_ok=True)
        options = {
            "listen_addresses": "",
            # The value is a list: the quotes protect a comma or a space in the path.
            "unix_socket_directories": f'"{self.place.sockets}"',
            "timezone": "UTC",
            "log_timezone": "UTC",
            **READING,
        }
        arguments = " ".join(f"-c {shlex.quote(f'{k}={v}')}" for k, v in options.items())
        self._run("pg_ctl", "start", "-w", "-D", self.place.data, "-l", self.log, "-o", arguments)

    def stop(self) -> bool:
        """Stop the server, ending its sessions, and say whether there was one."""
        if not self.running():
            return False
        self._run("pg_ctl", "stop", "-w", "-m", "fast", "-D", self.place.data)
        return True

    def _postmaster(self) -> int | None:
        try:
            pid = int((self.place.data / "postmaster.pid").read_text().split("\n", 1)[0])
            if self._is_mine(psutil.Process(pid)):
                return pid
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            pass
        return None

    def _end_orphans(self) -> None:
        """End what a killed server left behind: a second server would destroy the data with it."""
        left = [one for one in psutil.process_iter() if self._is_mine(one)]
        _, left = psutil.wait_procs(left, timeout=PATIENCE)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left)

    def _is_mine(self, process: psutil.Process) -> bool:
        with suppress(psutil.Error):
            return process.name() == "postgres" and Path(process.cwd()) == self.place.data.resolve()
        return False

    def _run(self, program: str, *arguments: str | Path) -> None:
        account = self.place.account
        identity: dict[str, Any] = (
            {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
        )
        command = [str(self.place.programs / program), *map(str, arguments)]
        done = subprocess.run(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=self.place.data,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            check=False,
            # Ctrl-C must reach only the launcher, which then stops the server cleanly.
            start_new_session=True,
            **identity,
        )
        if done.returncode:
            said = done.stdout + done.stderr
            if self.log.exists():
                said += self.log.read_text(errors="replace")
            msg = f"The embedded PostgreSQL does not work: {program} failed.\n{said.strip()}"
            raise LauncherError(msg)
