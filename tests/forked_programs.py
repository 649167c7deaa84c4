"""Meltano and its plugins, started as forks of processes that have imported them already.

Importing them is most of what a small run costs. `installed` makes a copy of `.meltano` in which
some programs are replaced: the replacement asks a server to fork itself, and the fork takes over
its arguments, variables, folder and files, and runs the real program. The replacement passes
signals on, and ends as the real program ended.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = {
    "extractors/tap-pennylane": "tap-pennylane",
    "loaders/target-postgres": "target-postgres-exact",
    "mappers/mapper-snake-case": "mapper-snake-case",
    "utilities/dbt": "dbt",
}
HERE = sys.platform == "linux"
"""Elsewhere, the real programs are started."""
MELTANO = "meltano/meltano"
"""Meltano itself, in that copy."""
LARGEST = 200_000
"""Bytes of a message: the arguments and the variables."""
LONGEST = 8_000
"""Bytes of a command line."""
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def installed(real: Path, copy: Path) -> Iterator[None]:
    """Make `copy` a `.meltano` with the plugins of `real`, for the duration of the block."""
    servers = []
    try:
        for plugin in sorted(real.glob("*/*/venv")):
            name = str(plugin.parent.relative_to(real))
            if name not in PROGRAMS or not HERE:
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                (copy / name).symlink_to(plugin.parent)
                continue
            folder = copy / name / "venv"
            for source, links in ((plugin, folder), (plugin / "bin", folder / "bin")):
                links.mkdir(parents=True)
                for file in source.iterdir():
                    if file.name not in {"bin", PROGRAMS[name]}:
                        (links / file.name).symlink_to(file)
            servers.append(_server(plugin / "bin" / PROGRAMS[name], folder / "bin"))
        own = Path(sys.executable).with_name("meltano")
        (copy / MELTANO).parent.mkdir()
        if HERE:
            servers.append(_server(own, (copy / MELTANO).parent))
        else:
            (copy / MELTANO).symlink_to(own)
        yield
    finally:
        for server in servers:
            server.communicate()


def _server(program: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start the server of a program, and put the replacement into a folder."""
    address = folder / f"{program.name}.socket"
    replacement = folder / program.name
    replacement.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -IS "{__file__}" "{address}" "$@"\n'
    )
    replacement.chmod(0o755)
    python = program.parent / "python"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with listener, _short(address) as path:
        listener.bind(path)
        listener.listen(16)
        return subprocess.Popen(
            [python, __file__, "--serve", program, str(listener.fileno()), "-" * LONGEST],
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
        )


@contextmanager
def _short(address: Path) -> Iterator[str]:
    """The same place in less than the 108 bytes that the path of a socket may have."""
    folder = os.open(address.parent, os.O_PATH)
    yield f"/proc/self/fd/{folder}/{address.name}"
    os.close(folder)


class _Server:
    """Forks itself for everyone who asks."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._events = selectors.DefaultSelector()
        self._events.register(0, selectors.EVENT_READ)
        self._events.register(listener, selectors.EVENT_READ)
        self._running: dict[int, tuple[int, socket.socket]] = {}
        """Each fork and the connection of who asked for it, by the files that tell of their end."""

    def serve(self) -> dict[str, Any]:
        """Serve until the standard input ends; returns in the forks, with what was ordered."""
        while True:
            for key, _ in self._events.select():
                if key.fd == 0:
                    sys.exit()
                if key.fileobj is self._listener:
                    if order := self._fork():
                        return order
                elif key.fd in self._running:
                    self._end(key.fd)

    def _fork(self) -> dict[str, Any] | None:
        """Fork for the next one who asks; returns the order in the fork, and None otherwise."""
        asked, _ = self._listener.accept()
        message, files, _, _ = socket.recv_fds(asked, LARGEST, 3)
        if not message:  # killed at once
            asked.close()
            return None
        process = os.fork()
        if not process:
            self._events.close()
            self._listener.close()
            for number, file in enumerate(files):
                os.dup2(file, number)
                os.close(file)
            order: dict[str, Any] = json.loads(message)
            return order
        for file in files:
            os.close(file)
        with suppress(BrokenPipeError):
            asked.send(str(process).encode())
        for file in (os.pidfd_open(process), asked.fileno()):
            self._running[file] = (process, asked)
            self._events.register(file, selectors.EVENT_READ)
        return None

    def _end(self, file: int) -> None:
        """Tell who asked for a fork how it ended; if they are gone, end it."""
        process, asked = self._running[file]
        if file == asked.fileno():
            os.kill(process, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        with suppress(BrokenPipeError):
            asked.send(str(code).encode())
        for each in [each for each, (one, _) in self._running.items() if one == process]:
            self._events.unregister(each)
            del self._running[each]
            if each != asked.fileno():
                os.close(each)
        asked.close()


def _become(program: str, order: dict[str, Any]) -> None:
    """Run the real program."""
    # The replacement does without these, to start quickly.
    import random  # noqa: PLC0415
    import runpy  # noqa: PLC0415

    random.seed()  # or all forks would draw the same numbers
    arguments, variables, folder = order["arguments"], order["variables"], order["folder"]
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv = [program, *arguments]
    _show([sys.executable, *sys.argv])
    runpy.run_path(program, run_name="__main__")


def _show(command: list[str]) -> None:
    """Make a command line that of this process, for those who look for it (proc(5))."""
    fields = Path("/proc/self/stat").read_text("utf-8").rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    text = b"\0".join(map(os.fsencode, command)).ljust(end - start, b"\0")
    with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
        memory.seek(start)
        memory.write(text[: end - start - 1] + b"\0")


def _ask(address: str, arguments: list[str]) -> int:
    """Ask a server for a fork, and wait for its end."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with _short(Path(address)) as path:
        server.connect(path)
    order = {"arguments": arguments, "variables": dict(os.environ), "folder": str(Path.cwd())}
    socket.send_fds(server, [json.dumps(order).encode()], [0, 1, 2])
    process = int(server.recv(LARGEST))
    for number in PASSED_ON:
        signal.signal(number, lambda received, _: os.kill(process, received))
    for file in (0, 1, 2):
        os.close(file)  # or whoever reads from it would wait for this process, too
    code = int(server.recv(LARGEST))
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        import runpy

        _, _, script, number, _ = sys.argv
        sys.path[0] = str(Path(script).parent)
        runpy.run_path(script, run_name="imported")
        _become(script, _Server(socket.socket(fileno=int(number))).serve())
    else:
        os._exit(_ask(sys.argv[1], sys.argv[2:]))
