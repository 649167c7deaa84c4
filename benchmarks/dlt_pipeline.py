"""The system that we compare with: a dlt pipeline that loads one list of the API into PostgreSQL.

    python benchmarks/dlt_pipeline.py --api-url URL --token TOKEN --database URL \
        --stream ledger_entry_lines --folder FOLDER

Follows dlt's documentation: the `rest_api` source, its cursor paginator, the write disposition
`merge` on the primary key. Its page on PostgreSQL recommends CSV files, and so COPY, for speed. All
else is dlt's default: types are inferred, a 429 is waited for. Runs in a separate environment that
`make bench` creates.
"""

from __future__ import annotations

import argparse
import json

import dlt
from dlt.common.runtime import run_context
from dlt.sources.rest_api import rest_api_source


def main() -> None:
    """Load once, and print dlt's version."""
    parser = argparse.ArgumentParser()
    for name in ("api-url", "token", "database", "stream", "folder"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--json", action="store_true", help="lists and objects as JSON columns")
    given = parser.parse_args()
    # As root, it would leave a file in /var whatever its settings.
    run_context.global_dir = lambda: given.folder
    source = rest_api_source(
        {
            "client": {
                "base_url": f"{given.api_url}/api/external/v2/",
                "auth": {"type": "bearer", "token": given.token},
                "paginator": {
                    "type": "cursor",
                    "cursor_path": "next_cursor",
                    "cursor_param": "cursor",
                },
            },
            "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
            "resources": [
                {
                    "name": given.stream,
                    "endpoint": {
                        "path": given.stream,
                        "params": {"limit": 100, "sort": "id"},
                        "data_selector": "items",
                    },
                }
            ],
        }
    )
    if given.json:
        source.max_table_nesting = 0
    pipeline = dlt.pipeline(
        "pennylane",
        pipelines_dir=given.folder,
        destination=dlt.destinations.postgres(given.database),
        dataset_name="dlt",
    )
    load = pipeline.run(source, loader_file_format="csv")
    load.raise_on_failed_jobs()
    print(json.dumps({"dlt": dlt.__version__}))


if __name__ == "__main__":
    main()
