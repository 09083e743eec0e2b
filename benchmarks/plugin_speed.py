"""How fast the QGIS plugin opens a large result: 200,000 cells loaded, styled, classified and drawn.

    python -m benchmarks.plugin_speed [--cells 200000] [--runs 3]

Runs in the system's QGIS and, where scripts/qgis_side_by_side.sh has made one, in the QGIS beside it, each
run in a process of its own. The promise is 3 seconds for all four steps together. Prints a table (medians)
and writes ``benchmarks/results/<date>-<commit>-plugin.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import h3
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmarks.harness import ROOT, conditions
from geolivelihood.layers import write_geopackage

CHECKOUT = ROOT.parent
BESIDE = CHECKOUT / ".qgis340" / "root" / "usr"
PROMISED_S = 3.0
STEPS = ("load", "style", "classify", "draw")


def write_cells(target: Path, number: int) -> None:
    """A result of one layer: a disc of cells of resolution 7 with everything that a run tells of them."""
    rings = int(np.ceil((np.sqrt(12 * number - 3) - 3) / 6))
    disc = h3.grid_disk(h3.latlng_to_cell(0.5, 32.5, 7), rings)[:number]
    cells = np.sort(np.array([h3.str_to_int(cell) for cell in disc], dtype=np.uint64))
    random = np.random.default_rng(0)
    wealth = np.sin(np.arange(number) / 900) + random.normal(0, 0.5, number)
    frame = pd.DataFrame(
        {
            "wealth": wealth,
            "wealth_lower": wealth - 0.6,
            "wealth_upper": wealth + 0.6,
            "applicable": random.random(number) > 0.1,
            "dissimilarity": random.random(number),
            "fold": np.arange(number) % 5,
        },
        index=pd.Index(cells, name="cell"),
    )
    listed = [{"name": "cells", "title": "Cells", "group": "Map", "order": 0}]
    write_geopackage(target, {"cells": frame}, indicators=["wealth"], provenance={"layers": listed})


def open_once(path: Path, root: Path | None) -> dict[str, Any]:
    """Seconds of each step in a fresh QGIS, with its version."""
    environment = os.environ | ({"GLQ_QGIS_ROOT": str(root)} if root else {})
    command = [sys.executable, str(CHECKOUT / "qgis_plugin" / "which_qgis.py"), "benchmarks.open_in_qgis"]
    done = subprocess.run(
        [*command, str(path)], capture_output=True, text=True, cwd=CHECKOUT, env=environment, check=False
    )
    told = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not told:
        raise SystemExit(f"QGIS could not be timed:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
    return json.loads(told[-1])


def measure(path: Path, root: Path | None, runs: int) -> dict[str, Any]:
    """Medians of a QGIS, and what every run took."""
    told = [open_once(path, root) for _ in range(runs)]
    medians = {step: statistics.median(one[step] for one in told) for step in STEPS}
    total = statistics.median(sum(one[step] for step in STEPS) for one in told)
    return {
        "qgis": told[0]["qgis"],
        "qt": told[0]["qt"],
        "cells": told[0]["cells"],
        "pixels": told[0]["pixels"],
        "seconds": medians | {"total": total},
        "runs": told,
        "promised_s": PROMISED_S,
        "reached": total < PROMISED_S,
    }


def show(results: list[dict[str, Any]]) -> None:
    """Print a row for each QGIS."""
    table = Table("QGIS", "cells", *(f"{step}, s" for step in (*STEPS, "total")), "promised", "")
    for row in results:
        seconds = [f"{row['seconds'][step]:.2f}" for step in (*STEPS, "total")]
        promised = f"under {PROMISED_S:g}"
        table.add_row(row["qgis"], f"{row['cells']:,}", *seconds, promised, "yes" if row["reached"] else "NO")
    Console(width=110).print(table)


def main() -> None:
    """Time every QGIS that is here."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--cells", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    roots = [None, *([BESIDE] if BESIDE.is_dir() else [])]
    with tempfile.TemporaryDirectory(prefix="plugin_speed_") as folder:
        path = Path(folder) / "cells.gpkg"
        write_cells(path, options.cells)
        results = [measure(path, root, options.runs) for root in roots]
    show(results)
    told = conditions()
    target = ROOT / "results" / f"{told['date']}-{told['commit']}-plugin.json"
    target.write_text(json.dumps({"conditions": told, "results": results}, indent=1) + "\n")
    print(f"Written to {target.relative_to(CHECKOUT)}")


if __name__ == "__main__":
    main()
