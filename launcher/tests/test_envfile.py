"""`.env` as editors on other systems save it, and who else can read it."""

import codecs
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pennylane_launcher.errors import SettingsError
from pennylane_launcher.settings import envfile

TEXT = "# Société\nTAP_PENNYLANE_API_TOKEN='a b#c'\nPOSTGRES_DB=books\nEMPTY=\n"


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_plain_text_is_read(tmp_path: Path, ending: str) -> None:
    (tmp_path / ".env").write_bytes(TEXT.replace("\n", ending).encode())
    assert envfile.read(tmp_path) == {
        "TAP_PENNYLANE_API_TOKEN": "a b#c",
        "POSTGRES_DB": "books",
        "EMPTY": "",
    }


def test_no_file_is_no_variables(tmp_path: Path) -> None:
    assert envfile.read(tmp_path) == {}
    assert envfile.openness(tmp_path) is None


@pytest.mark.parametrize(
    ("mark", "encoding", "named"),
    [
        (b"", "latin-1", "not UTF-8"),
        (codecs.BOM_UTF8, "utf-8", "UTF-8 with a byte order mark"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16 with a byte order mark"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16 with a byte order mark"),
        (b"", "utf-16-le", "UTF-16"),
    ],
)
def test_another_encoding_is_named_with_a_command_that_mends_it(
    tmp_path: Path, mark: bytes, encoding: str, named: str
) -> None:
    path = tmp_path / ".env"
    text = TEXT.replace("é", "e") if (mark, encoding) == (b"", "utf-16-le") else TEXT
    path.write_bytes(mark + text.encode(encoding))
    with pytest.raises(SettingsError) as raised:
        envfile.read(tmp_path)
    sentence = str(raised.value)
    assert sentence.startswith(f"{path} is {named}, and Meltano reads plain UTF-8 only")
    assert "\n" not in sentence
    subprocess.run(["sh", "-c", sentence.partition("or here: ")[2]], check=True)
    assert envfile.read(tmp_path)["TAP_PENNYLANE_API_TOKEN"] == "a b#c"  # noqa: S105


def test_every_command_says_so_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "meltano.yml").write_text("plugins: {}\n")
    (tmp_path / ".env").write_bytes(codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"))
    for command in ("run", "up", "psql", "check-health"):
        done = subprocess.run(
            [sys.executable, "-m", "pennylane_launcher", command],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == SettingsError.exit_code, command
        assert f"{tmp_path}/.env is UTF-16 with a byte order mark" in done.stderr
        assert done.stderr.count("\n") == 1


def test_an_open_file_is_said_to_be_open(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(TEXT)
    path.chmod(0o644)
    assert envfile.openness(tmp_path) == (
        f"Warning: other users of this machine can read {path}. Close it: chmod 600 {path}"
    )
    path.chmod(0o600)
    assert envfile.openness(tmp_path) is None
