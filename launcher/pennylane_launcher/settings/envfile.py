"""The file `.env`, read as Meltano reads it."""

import codecs
import os
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values

from pennylane_launcher.errors import SettingsError

NAME = ".env"
# UTF-32 before UTF-16: its mark begins with the other.
MARKS = {
    codecs.BOM_UTF8: "UTF-8",
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def read(project: Path) -> dict[str, str]:
    """Return the variables of the project's `.env`; none if there is no such file.

    Raises:
        SettingsError: it is not the plain UTF-8 text that Meltano reads.
    """
    path = project / NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}. See who owns it: ls -l {path}"
        raise SettingsError(msg) from error
    lines = dotenv_values(stream=StringIO(_text(content, path), newline=""))
    return {name: value for name, value in lines.items() if value is not None}


def variables(project: Path) -> dict[str, str]:
    """Return the environment and the lines of `.env`; the environment wins, as in Meltano.

    Raises:
        SettingsError: the file is not the plain UTF-8 text that Meltano reads.
    """
    return read(project) | dict(os.environ)


def openness(project: Path) -> str | None:
    """Return a warning if others on this machine can read the file; None if all is well."""
    path = project / NAME
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    if not mode & 0o077 or not any(read(project).values()):
        return None
    return f"Warning: other users of this machine can read {path}. Close it: chmod 600 {path}"


def _text(content: bytes, path: Path) -> str:
    for mark, encoding in MARKS.items():
        if content.startswith(mark):
            raise SettingsError(_unreadable(path, f"{encoding} with a byte order mark", encoding))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(_unreadable(path, "not UTF-8", "WINDOWS-1252")) from error
    if "\0" in text:
        raise SettingsError(_unreadable(path, "UTF-16", "UTF-16LE"))
    return text


def _unreadable(path: Path, kind: str, encoding: str) -> str:
    # iconv from UTF-8 to UTF-8 would keep the mark.
    convert = "tail -c +4" if encoding == "UTF-8" else f"iconv -f {encoding} -t UTF-8"
    return (
        f"{path} is {kind}, and Meltano reads plain UTF-8 only: in your editor, save it as UTF-8"
        f" without BOM, or here: {convert} {path} > {path}.new && mv {path}.new {path}"
    )
