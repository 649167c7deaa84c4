"""A stopped run keeps its bookmarks."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import SmallProject

TOKEN = "a-very-secret-token"  # noqa: S105
STOPPABLE = """
import signal
import sys
state = {"type": "STATE", "value": {"bookmarks": {"customers": "half-way"}}}
def stop(signum, frame):
    print(json.dumps(state), flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
pathlib.Path("asleep").touch()
time.sleep(60)
"""
CONFIRMING_TARGET = f"""#!{sys.executable}
import json, sys
for line in sys.stdin:
    print(json.dumps(json.loads(line)["value"]), flush=True)
"""


def test_a_signal_keeps_the_bookmarks(small: SmallProject) -> None:
    definition = (small.folder / "meltano.yml").read_text()
    (small.folder / "meltano.yml").write_text(
        definition.replace("./tap", "./tap-pennylane").replace("discover,", "discover, state,")
    )
    small.behave(STOPPABLE)
    (small.folder / "tap").rename(small.folder / "tap-pennylane")
    (small.folder / "target").write_text(CONFIRMING_TARGET)
    (small.folder / ".env").write_text(
        f"TAP_PENNYLANE_API_TOKEN={TOKEN}\nTAP_PENNYLANE_API_URL=http://x\n"
    )
    small.launch("up")
    with small.asleep("run") as process:
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate()
    assert process.returncode == 128 + signal.SIGINT, printed + errors
    assert "writing what was read first" in printed
    kept = small.launch("psql", "-Atc", "select completed_state from meltano.state")
    assert '"customers": "half-way"' in kept.stdout, kept
