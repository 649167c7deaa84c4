"""PostgreSQL's own programs, as the embedded server brings them."""

from __future__ import annotations

import subprocess

from pennylane_launcher.postgres import embedded


def call(program: str, *arguments: str) -> None:
    """Run one, which must succeed."""
    done = subprocess.run(
        [embedded.program(program), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
