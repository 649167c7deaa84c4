"""What dbt has parsed for one database, for others: it parses the whole project for each new one.

It goes by a checksum of the connection, because macros may read it. Ours use it in the names of
relations only.
"""

from __future__ import annotations

import hashlib
import pprint
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FILE = "partial_parse.msgpack"


@dataclass(frozen=True)
class ParsedProjects:
    """What dbt has parsed.

    Attributes:
        folders: the folder with one for each database.
        shared: what other workers have parsed, once there is something.
        python: the Python of dbt.
    """

    folders: Path
    shared: Path
    python: Path

    def share(self, database: str) -> None:
        """Keep what was parsed for a database, for the others."""
        draft = self.shared.with_suffix(".draft")
        shutil.copy(self.folders / database / FILE, draft)
        draft.rename(self.shared)

    def adopt(self, database: str, host: str) -> None:
        """Spare dbt the work for a database."""
        file = self.folders / database / FILE
        if self.shared.exists() and not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            given = map(str, (self.python, __file__, self.shared, file, database, host))
            subprocess.run([*given], check=True)


def _adopt(source: Path, target: Path, database: str, host: str) -> None:
    """Write what was parsed for another database, with the names of this one."""
    import msgpack  # type: ignore[import-not-found] # noqa: PLC0415 - dbt's Python has it
    from dbt.adapters.postgres.connections import (  # type: ignore[import-not-found] # noqa: PLC0415
        PostgresCredentials,
    )

    parsed = msgpack.unpackb(source.read_bytes())
    for kind in ("nodes", "sources"):
        for node in parsed[kind].values():
            old = node["database"]
            node["database"] = database
            if name := node.get("relation_name"):
                node["relation_name"] = name.replace(f'"{old}".', f'"{database}".', 1)
    connection = PostgresCredentials(
        host=host,
        port=5432,
        user="postgres",
        password="",
        database=database,
        schema="pennylane",
        sslmode="prefer",
    )
    keys = sorted(connection.connection_info())
    parsed["state_check"]["profile_hash"]["checksum"] = hashlib.sha256(
        pprint.pformat(keys).encode()
    ).hexdigest()
    target.write_bytes(msgpack.packb(parsed))


if __name__ == "__main__":
    _adopt(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
