"""Print a model as Microsoft's own library reads it, as JSON.

    .cache/power-bi/bin/python tests/power_bi/read_model.py FOLDER

FOLDER has the TMDL. The library, which Power BI Desktop uses as well, reports the file and line of
what it cannot read. tests/power_bi/requirements.txt installs it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import dotnetcore2
import pythonnet
from clr_loader import get_coreclr

RUNTIME = {
    "tfm": "netcoreapp3.1",
    "framework": {"name": "Microsoft.NETCore.App", "version": "3.1.0"},
    "configProperties": {"System.Globalization.Invariant": True},
}


def library() -> Any:  # noqa: ANN401 - it has no types
    """Microsoft.AnalysisServices.Tabular, which the package `python-tabular` contains."""
    home = Path(dotnetcore2.__file__).parent / "bin"
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "runtimeconfig.json")
        config.write_text(json.dumps({"runtimeOptions": RUNTIME}), encoding="utf-8")
        pythonnet.set_runtime(get_coreclr(runtime_config=str(config), dotnet_root=str(home)))
        pythonnet.load()
    import clr  # noqa: PLC0415 - only there now

    (package,) = (Path(each, "pytabular") for each in sys.path if Path(each, "pytabular").is_dir())
    sys.path.append(str(package / "dll"))
    clr.AddReference("Microsoft.AnalysisServices.Core")
    clr.AddReference("Microsoft.AnalysisServices.Tabular")
    from Microsoft.AnalysisServices import Tabular  # noqa: PLC0415

    return Tabular


def model(folder: str) -> dict[str, Any]:
    """What the library says of the model in a folder."""
    read = library().TmdlSerializer.DeserializeDatabaseFromFolder(folder).Model
    return {
        "parameters": [each.Name for each in read.Expressions],
        "tables": {
            table.Name: {
                "columns": {
                    column.Name: {
                        "type": str(column.DataType),
                        "kind": str(column.Type),
                        "adds": str(column.SummarizeBy),
                        "hidden": column.IsHidden,
                        "sorted": column.SortByColumn and column.SortByColumn.Name,
                        "description": column.Description,
                    }
                    for column in table.Columns
                },
                "measures": {measure.Name: measure.Expression for measure in table.Measures},
                "queries": [
                    (str(part.SourceType), getattr(part.Source, "Expression", ""))
                    for part in table.Partitions
                ],
            }
            for table in read.Tables
        },
        "relations": [
            {
                "many": [relation.FromTable.Name, relation.FromColumn.Name],
                "one": [relation.ToTable.Name, relation.ToColumn.Name],
                "kind": f"{relation.FromCardinality}-{relation.ToCardinality}",
                "filters": str(relation.CrossFilteringBehavior),
                "active": relation.IsActive,
            }
            for relation in read.Relationships
        ],
    }


if __name__ == "__main__":
    os.environ.setdefault("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")
    sys.stdout.write(json.dumps(model(sys.argv[1])))
