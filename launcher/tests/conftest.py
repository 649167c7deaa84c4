"""Folders for real servers, and one server for the tests that only need a database."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pennylane_launcher import embedded


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account may enter, as a checkout usually is."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    embedded.remove(path / ".embedded")
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    """A server for the whole session."""
    directory = tmp_path_factory.mktemp("postgres") / ".embedded"
    with embedded.server(directory, keep=False) as running:
        yield running
