"""A server that misbehaves: nothing is lost silently, and no run hangs or fills the memory."""

from __future__ import annotations

import gzip
import json
import re
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from pennylane_sandbox.pytest_plugin import other_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pennylane_sandbox.pytest_plugin import Answer, Query, Sandbox

    from conftest import Run

TIMEOUT = 3
MOST_MEMORY = 300
"""MiB."""


@contextmanager
def served(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A server that answers `/me`; everything else is up to the test."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if not self.path.endswith("/me"):
                answer(self)
                return
            body = json.dumps({"company": {"id": 1, "name": "A"}, "user": {"id": 2}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def trickle(handler: BaseHTTPRequestHandler) -> None:
    """One byte every half second, forever."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while True:
        try:
            handler.wfile.write(b" ")
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.5)


def without_end(handler: BaseHTTPRequestHandler) -> None:
    """A body without an end."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    while True:
        try:
            handler.wfile.write(b" " * (1 << 20))
        except OSError:
            return


BOMB = gzip.compress(b" " * (1 << 30), compresslevel=1)


def bomb(handler: BaseHTTPRequestHandler) -> None:
    """One gibibyte, compressed to a few megabytes."""
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", str(len(BOMB)))
    handler.end_headers()
    try:
        handler.wfile.write(BOMB)
    except OSError:
        return


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (trickle, "the response was not complete in time"),
        (without_end, "/journals returned more than 64 MiB"),
        (bomb, "/journals returned more than 64 MiB"),
    ],
)
def test_a_body_is_bounded_in_time_and_in_size(
    run_tap: Callable[..., Run], answer: Callable[[BaseHTTPRequestHandler], None], sentence: str
) -> None:
    # The largest resident size of the process, in KiB, is the last line.
    measured = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); "
        "sys.exit(done.returncode)"
    )
    with served(answer) as url:
        run = run_tap(
            streams=["journals"],
            through=(sys.executable, "-c", measured),
            api_token="some-token",  # noqa: S106 - the server accepts any
            api_url=url,
            request_timeout=TIMEOUT,
            max_retries=0,
        )
    assert run.exit_code == 1, run.log
    assert run.log.count(sentence) >= 1
    assert "Traceback" not in run.log
    assert int(run.log.splitlines()[-1]) / 1024 < MOST_MEMORY
    assert not run.activated


def test_a_long_retry_after_fails_the_stream_and_names_the_time(
    read: Callable[..., Run], sandbox: Sandbox
) -> None:
    def asked(path: str, query: Query) -> Answer | None:
        del query
        if path == "/journals":
            return 429, {"retry-after": "86400"}, b"{}"
        return None

    with other_server(sandbox, asked=asked) as url:
        run = read(api_url=url, streams=["journals", "suppliers", "sync_log"])
    assert run.exit_code == 1
    assert "Pennylane asks to wait 1 day, 0:00:00 before /journals is requested again" in run.log
    assert run.log_rows["suppliers"]["status"] == "success"
    assert "journals" not in run.activated


def _ignoring_sort(sandbox: Sandbox) -> Callable[[str, Query], Answer | None]:
    def asked(path: str, query: Query) -> Answer | None:
        if path != "/suppliers" or query.get("sort") != ["-id"]:
            return None
        found = sandbox.get(path, **{**query, "sort": "id"})
        return 200, {}, json.dumps(found).encode()

    return asked


def _other_ids(sandbox: Sandbox) -> Callable[[str, Query], Answer | None]:
    def asked(path: str, query: Query) -> Answer | None:
        if path != "/suppliers" or "filter" not in query:
            return None
        found = sandbox.get(path, limit="5", sort="id")
        return 200, {}, json.dumps(found).encode()

    return asked


def _other_dates(sandbox: Sandbox) -> Callable[[str, Query], Answer | None]:
    def asked(path: str, query: Query) -> Answer | None:
        if path != "/transactions" or "filter" not in query:
            return None
        found = sandbox.get(path, limit="5", sort="id")
        return 200, {}, json.dumps({**found, "has_more": False, "next_cursor": None}).encode()

    return asked


@pytest.mark.parametrize(
    ("stream", "misbehaviour", "sentence"),
    [
        ("suppliers", _ignoring_sort, "/suppliers returned id .* though it was sorted by -id"),
        ("suppliers", _other_ids, "were requested; .* came"),
        ("transactions", _other_dates, "/transactions returned a record of .*, though dates from"),
    ],
)
def test_a_list_that_ignores_what_was_asked_for_fails(
    read: Callable[..., Run],
    sandbox: Sandbox,
    stream: str,
    misbehaviour: Callable[[Sandbox], Callable[[str, Query], Answer | None]],
    sentence: str,
) -> None:
    with other_server(sandbox, asked=misbehaviour(sandbox)) as url:
        options: dict[str, Any] = {"page_size": 10, "max_retries": 0}
        run = read(api_url=url, streams=[stream], **options)
    assert run.exit_code == 1, run.log
    assert re.search(sentence, run.log), run.log
    assert stream not in run.activated


def test_more_records_that_nobody_has_are_no_complete_list(
    read: Callable[..., Run], sandbox: Sandbox
) -> None:
    """The first page reports more, but the last page is the first one in reverse."""

    def asked(path: str, query: Query) -> Answer | None:
        if path != "/suppliers":
            return None
        found = sandbox.get(path, limit="10", sort="id")
        items = found["items"][::-1] if query.get("sort") == ["-id"] else found["items"]
        return 200, {}, json.dumps({**found, "items": items}).encode()

    with other_server(sandbox, asked=asked) as url:
        run = read(api_url=url, streams=["suppliers"], page_size=10)
    assert run.exit_code == 1
    assert "reports more records than its first page has" in run.log
    assert "suppliers" not in run.activated
