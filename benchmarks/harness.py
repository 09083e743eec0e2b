"""Side-by-side timings: each side in a fresh process, in turn, so that the machine's mood cancels.

Run ``python -m benchmarks.harness`` for all comparisons, or name some: ``... h3_index knn_graph``.
Prints one table of ratios (median over the pairs), the peak memory of each side, and writes
``benchmarks/results/<date>-<commit>.json``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Comparison:
    """One row of the table.

    ``setup()`` makes the data, ``ours(data)`` and ``peer(data)`` are timed, each in its own process. Where
    the peer is too slow to run whole, ``peer_share`` is the share of the work that ``peer`` does and its
    time is divided by it (said in the table). ``goal`` is the ratio peer/ours that we promise; with
    ``goal_is_most=True`` the promise is ``ours/peer <= goal``. ``peak_share`` is the most that ours may take
    of the memory that the peer takes, beyond what each process held before. ``warm_calls`` are made
    before the one that is timed.
    """

    name: str
    what: str
    against: str
    goal: float
    setup: Callable[[], Any]
    ours: Callable[[Any], Any]
    peer: Callable[[Any], Any]
    peer_share: float = 1.0
    goal_is_most: bool = False
    runs: int = 3
    peak_limit_mb: float | None = None
    peak_share: float | None = None
    warm_calls: int = 0


def comparisons() -> dict[str, tuple[str, Comparison]]:
    """Every ``COMPARISONS`` tuple of the ``bench_*.py`` modules beside this file: name to module and row."""
    found: dict[str, tuple[str, Comparison]] = {}
    for path in sorted(ROOT.glob("bench_*.py")):
        module = importlib.import_module(f"benchmarks.{path.stem}")
        found |= {row.name: (path.stem, row) for row in module.COMPARISONS}
    return found


def _child(module: str, name: str, side: str) -> None:
    """One side in this process, which loads nothing that another comparison needs."""
    rows = importlib.import_module(f"benchmarks.{module}").COMPARISONS
    row = next(row for row in rows if row.name == name)
    data = row.setup()
    before = _peak_mb()
    for _ in range(row.warm_calls):
        getattr(row, side)(data)
    at_rest = _high_water_mb(anew=True)
    start = time.perf_counter()
    getattr(row, side)(data)
    seconds = time.perf_counter() - start
    taken = _high_water_mb() - at_rest
    print(json.dumps({"seconds": seconds, "peak_mb": _peak_mb(), "setup_mb": before, "taken_mb": taken}))


def _peak_mb() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _high_water_mb(*, anew: bool = False) -> float:
    """Most memory so far, or (``anew``, on Linux) since now."""
    try:
        if anew:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return _peak_mb()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def _measure(module: str, name: str, side: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.harness", "--child", module, name, side]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT.parent, check=False)
    if done.returncode:
        raise SystemExit(f"{name} ({side}) failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def compare(module: str, row: Comparison) -> dict[str, Any]:
    """Time both sides in turn ``row.runs`` times and return the medians and the median ratio."""
    sides = ("ours", "peer")
    pairs = [tuple(_measure(module, row.name, side) for side in sides) for _ in range(row.runs)]
    ratios = [
        (a["seconds"] / (b["seconds"] / row.peer_share))
        if row.goal_is_most
        else (b["seconds"] / row.peer_share / a["seconds"])
        for a, b in pairs
    ]
    ratio = statistics.median(ratios)
    peak = statistics.median(a["peak_mb"] for a, _ in pairs)
    taken, peer_taken = (statistics.median(pair[side]["taken_mb"] for pair in pairs) for side in (0, 1))
    share = taken / max(peer_taken, 1.0)
    reached = ratio <= row.goal if row.goal_is_most else ratio >= row.goal
    if row.peak_limit_mb is not None:
        reached = reached and peak <= row.peak_limit_mb
    if row.peak_share is not None:
        reached = reached and share <= row.peak_share
    return {
        "name": row.name,
        "what": row.what,
        "against": row.against,
        "ours_s": statistics.median(a["seconds"] for a, _ in pairs),
        "peer_s": statistics.median(b["seconds"] for _, b in pairs) / row.peer_share,
        "extrapolated": row.peer_share != 1.0,
        "ratio": ratio,
        "ratios": ratios,
        "goal": row.goal,
        "goal_is_most": row.goal_is_most,
        "reached": reached,
        "peak_mb": peak,
        "peak_limit_mb": row.peak_limit_mb,
        "peer_peak_mb": statistics.median(b["peak_mb"] for _, b in pairs),
        "taken_mb": taken,
        "peer_taken_mb": peer_taken,
        "peak_share": share,
        "peak_share_goal": row.peak_share,
        "warm_calls": row.warm_calls,
        "runs": row.runs,
    }


def conditions() -> dict[str, Any]:
    """When, of which commit and on what a result was measured."""
    git = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": git.stdout.strip() or "unknown",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }


def _show(results: list[dict[str, Any]]) -> None:
    table = Table(
        "what",
        "against",
        "ours, s",
        "theirs, s",
        "ratio",
        "promised",
        "peak, MB",
        "theirs, MB",
        "taken, MB",
        "",
    )
    for row in results:
        sign = "at most" if row["goal_is_most"] else "at least"
        table.add_row(
            row["what"],
            row["against"] + (" (extrapolated)" if row["extrapolated"] else ""),
            f"{row['ours_s']:.3g}",
            f"{row['peer_s']:.3g}",
            f"{row['ratio']:.3g}",
            f"{sign} {row['goal']:g}",
            f"{row['peak_mb']:.0f}"
            + (f" (limit {row['peak_limit_mb']:.0f})" if row["peak_limit_mb"] else ""),
            f"{row['peer_peak_mb']:.0f}",
            f"{row['taken_mb']:.0f} : {row['peer_taken_mb']:.0f}"
            + (f" (limit 1 : {1 / row['peak_share_goal']:.0f})" if row["peak_share_goal"] else ""),
            "yes" if row["reached"] else "NO",
        )
    Console(width=165).print(table)


def main() -> None:
    """Run the comparisons that are named (default: all)."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("names", nargs="*", help="comparisons to run; default all")
    parser.add_argument("--child", nargs=3, metavar=("MODULE", "NAME", "SIDE"), help=argparse.SUPPRESS)
    parser.add_argument("--runs", type=int, help="pairs per comparison, instead of each row's own number")
    options = parser.parse_args()
    if options.child:
        _child(*options.child)
        return
    rows = comparisons()
    unknown = set(options.names) - set(rows)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(rows)}")
    results = []
    for name in options.names or rows:
        module, row = rows[name]
        if options.runs:
            row = replace(row, runs=options.runs)
        results.append(compare(module, row))
        _show(results[-1:])
    _show(results)
    told = conditions()
    target = ROOT / "results" / f"{told['date']}-{told['commit']}.json"
    target.write_text(json.dumps({"conditions": told, "results": results}, indent=1) + "\n")
    print(f"Written to {target.relative_to(ROOT.parent)}")


if __name__ == "__main__":
    main()
