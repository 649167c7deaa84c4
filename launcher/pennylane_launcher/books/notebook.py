"""The notebook on the data: opened in Jupyter, or turned into one HTML page."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from pennylane_launcher.errors import LauncherError
from pennylane_launcher.postgres.database import connection

NOTEBOOK = Path("notebook/books.ipynb")
PAGE = Path("reports/books.html")


def show(project: Path, *, demo: bool, arguments: Sequence[str]) -> int:
    """Open the notebook on the data.

    Args:
        project: the project's folder.
        demo: on the demo's database.
        arguments: for Jupyter, instead of `lab notebook/books.ipynb`.

    Returns:
        The exit code of Jupyter.

    Raises:
        LauncherError: the database can't be used.
    """
    command = [_jupyter(project), *(arguments or ["lab", str(NOTEBOOK)])]
    with connection(project, demo=demo) as variables:
        return subprocess.call(command, env=variables)  # noqa: S603


def page(project: Path, *, demo: bool, file: str | None) -> int:
    """Run the notebook on the data, and write what it shows as one HTML page, without its code.

    Args:
        project: the project's folder.
        demo: on the demo's database.
        file: where to; by default `reports/books.html`.

    Returns:
        0.

    Raises:
        LauncherError: the database can't be used, or the notebook fails on it.
    """
    path = project / (file or (PAGE.with_stem(f"{PAGE.stem}-demo") if demo else PAGE))
    path.parent.mkdir(mode=0o700, exist_ok=True)
    command = [_jupyter(project), "nbconvert", "--to=html", "--execute", "--no-input"]
    # A page with the books must not load anything from other hosts.
    command += ["--HTMLExporter.mathjax_url=", "--HTMLExporter.require_js_url="]
    command += [f"--output={path.absolute()}", "--log-level=ERROR", str(NOTEBOOK)]
    print("Running the notebook …")
    with connection(project, demo=demo) as variables:
        # The page holds the books: only its owner may read it.
        done = subprocess.run(  # noqa: S603
            command,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
            umask=0o077,
        )
    if done.returncode:
        last = next(filter(None, reversed(done.stderr.splitlines())), "it gave no reason")
        msg = (
            f"The notebook failed on this data: {last.strip()}. It needs the views, which `make"
            " run` builds; `make notebook` shows which cell failed."
        )
        raise LauncherError(msg)
    path.chmod(0o600)
    print(f"Open it in a browser: {path.absolute()}")
    return 0


def _jupyter(project: Path) -> str:
    return str(project / ".cache" / "notebook" / "bin" / "jupyter")
