"""What may run side by side, when `make test` hands the tests to several workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    import pytest
    from xdist.remote import Producer


class Files(LoadScopeScheduling):  # type: ignore[misc]  # xdist carries no types
    """A file is one worker's; so are those of `tests/`: two runs of Meltano in a folder clash."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "tests" if file.startswith("tests/test_") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Say who shares the tests out.

    Args:
        config: of this session.
        log: where the scheduler writes what it does.

    Returns:
        The scheduler.
    """
    return Files(config, log)
