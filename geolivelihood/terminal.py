"""What the user sees on the terminal: progress, notes, tables of scores, where the results lie."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from geolivelihood.progress import listening

__all__ = [
    "err",
    "out",
    "print_download",
    "print_explained",
    "print_finetuned",
    "print_plan",
    "print_pretrained",
    "print_probed",
    "print_reproduction",
    "print_result",
    "print_scores",
    "print_trust",
    "print_written",
    "progress",
    "show_warning",
]

out = Console()
err = Console(stderr=True)


class Terminal:
    """Progress on the terminal: the stage, and one bar per piece of work with the time that remains."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._stage: Any = None
        self._tasks: dict[str, Any] = {}

    def stage(self, name: str) -> None:
        """Show the stage until the next one begins."""
        if self._stage is not None:
            self._bars.remove_task(self._stage)
        self._stage = self._bars.add_task(f"[bold]{escape(name)}", total=None)

    def step(self, done: int, total: int | None, text: str) -> None:
        """Move the bar of ``text``."""
        if text not in self._tasks:
            self._tasks[text] = self._bars.add_task(escape(text), total=total)
        task = self._tasks[text]
        self._bars.update(task, completed=done, total=total)
        if total is not None and done >= total:
            self._bars.remove_task(task)
            del self._tasks[text]

    def cancelled(self) -> bool:
        """Never: the terminal cancels by Ctrl-C."""
        return False


@contextmanager
def progress() -> Iterator[None]:
    """Show the progress of everything inside the block."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=err, transient=True) as bars, listening(Terminal(bars)):
        yield


_told: set[str] = set()


def show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Say each warning once, without the line of code it comes from."""
    if str(message) not in _told:
        _told.add(str(message))
        err.print(f"Note: {message}", style="yellow", markup=False, highlight=False, soft_wrap=True)


def print_plan(plan: Sequence[tuple[Any, bool]]) -> None:
    """Stages of a run and whether they are kept from an earlier one."""
    table = Table("stage", "", title="Plan", title_justify="left")
    for stage, done in plan:
        table.add_row(escape(stage.name), "[green]kept[/]" if done else "to do")
    out.print(table)


def print_result(result: Any) -> None:
    """Scores of a run and where its files lie."""
    if result.table is not None:
        print_scores(result.table)
        print_trust(result.coverage, result.applicable, result.remarks)
    if result.rejected:
        _say(f"Set aside or left out: {result.rejected}, with reasons in {short(result.rejected_file)}")
    _say(f"Done in {result.elapsed_s:.0f} s.")
    for title, path in (
        ("GeoPackage", result.geopackage),
        ("Map", result.map),
        ("Scores", result.scores),
        ("Report", result.report),
    ):
        if path is not None:
            _say(f"  {title:<11}{short(path)}")
    _say(f"Open it, styled:  qgis {short(result.geopackage)}")


def print_scores(scores: Any) -> None:
    """One table per indicator: models down, splits across."""
    from geolivelihood.validation import wide

    for indicator, rows in scores.groupby("indicator", sort=False):
        shown = wide(rows).droplevel("indicator", axis=1)
        first = rows[rows["split"].eq("blocked")].iloc[0]
        buffer = f"buffer {first['buffer_m']} m"
        title = (
            f"{indicator}: {first['n']:,} clusters, {first['n_blocks']} blocks of H3 resolution "
            f"{first['block_resolution']}, {buffer}"
        )
        columns = map(str, shown.columns)
        table = Table("R² out of fold [95 %]", *columns, title=escape(title), title_justify="left")
        for model, row in shown.iterrows():
            table.add_row(str(model), *(escape(str(value)) for value in row))
        out.print(table)


def print_reproduction(result: Any) -> None:
    """The two tables of a reproduction, what was not run, and where the files lie."""
    from geolivelihood.recipes.street_level import shaped

    for metric, title in (("accuracy", "Accuracy, % [95 %]"), ("r2", "r² [95 %]")):
        if not result.table["metric"].eq(metric).any():
            continue
        shown = shaped(result.table, metric)
        table = Table(Column(title, overflow="fold"), *map(str, shown.columns))
        for model, row in zip(shown.index, shown.to_numpy()):
            style = None if "[" in "".join(row) else "dim"  # figures beside the scores
            # the interval under its value: five columns then fit a narrow terminal
            lines = (escape(text.replace(" [", "\n[")) for text in row)
            table.add_row(escape(str(model)), *lines, style=style)
        out.print(table)
    missing = result.table[result.table["not_run"] != ""]
    for (title, reason), _ in missing.groupby(["title", "not_run"], sort=False):
        _say(f"Not run: {title}: {reason}")
    if result.rejected:
        _say(f"Set aside: {result.rejected:,} rows of data.csv, reasons in rejected.csv")
    _say(f"Done in {result.elapsed_s:.0f} s ({result.kept} cells kept from an earlier run).")
    for title, path in (("Table", result.csv), ("Page", result.markdown)):
        _say(f"  {title:<11}{short(path)}")


def print_download(result: Any) -> None:
    """What was listed, matched and fetched, what was set aside, and the licence of the pictures."""
    _say(f"Photos that Mapillary has there: {result.listed:,}")
    if result.clusters is not None:
        clusters, found = result.clusters
        _say(f"Taken: {result.photos:,}, for {found:,} of {clusters:,} clusters ({result.rows:,} rows)")
    aside = result.rejected
    if aside.number:
        _say(f"Set aside: {aside.number:,} {aside.what}, reasons in {aside.reasons}")
    _say(f"  {'Table':<11}{short(result.table)}")
    if result.pictures is not None:
        _say(f"  {'Pictures':<11}{short(result.pictures)}")
    _say(result.license)


def print_explained(made: Any) -> None:
    """What was explained, what the methods say of themselves, and where it lies."""
    for method, facts in made.facts.items():
        table = Table(title=escape(method), title_justify="left", show_header=False)
        for name, value in facts.items():
            shown = (
                ", ".join(f"{k} {_number(v)}" for k, v in value.items()) if isinstance(value, dict) else value
            )
            table.add_row(escape(name), escape(_number(shown)))
        out.print(table)
    print_written(made.geopackage, made.layers)
    if made.rejected:
        _say(f"Set aside: {made.rejected:,}, reasons in the layer 'rejected'")
    rasters = [file for file in made.files if file.suffix == ".tif"]
    others = [file for file in made.files if file.suffix != ".tif"]
    if rasters:
        _say(f"  {'Rasters':<11}{len(rasters):,}, the last {short(rasters[-1])}")
    for file in others:
        _say(f"  {'Beside it':<11}{short(file)}")
    _say(f"Done in {made.elapsed_s:.0f} s. Open it, styled:  qgis {short(made.geopackage)}")


def print_pretrained(made: Any) -> None:
    """What an encoder has learned from, how its training ended, and where it lies."""
    done = made.training
    gone_on = "" if done.resumed_from is None else f", gone on at step {done.resumed_from:,}"
    _say(f"Trained for {done.epochs:,} epochs, {done.steps:,} steps{gone_on}.")
    table = Table("last values of", "", title_justify="left", show_header=False)
    for name, value in sorted(done.metrics.items()):
        table.add_row(escape(name), _number(value))
    out.print(table)
    _remarked(made.remarks)
    number, reasons = made.rejected
    if number:
        _say(f"Set aside: {number:,}, with reasons in {short(reasons)}")
    _say(f"Done in {made.elapsed_s:.0f} s.")
    _say(f"  {'Encoder':<11}{short(made.encoder)}")
    if made.curves is not None:
        _say(f"  {'Curves':<11}{short(made.curves)}")
    _say(f"Its name in other projects is its folder:  encoder: {{name: {short(made.encoder)}}}")


def print_probed(made: Any) -> None:
    """Scores of heads on frozen features, encoders down, splits across."""
    shown = ["r2", "kendall_tau"] if made.task == "regression" else ["accuracy", "f1"]
    rows = made.table[made.table["metric"].isin(shown)]
    for metric in shown:
        wide = rows[rows["metric"] == metric].pivot_table(
            index=["encoder", "head"], columns="split", values="value", sort=False
        )
        title = f"{made.label}: {metric}, out of fold, on {rows['n'].max():,} pictures"
        table = Table("encoder", "head", *map(str, wide.columns), title=escape(title), title_justify="left")
        for (name, head), values in wide.iterrows():
            table.add_row(escape(name), escape(head), *(f"{value:.3f}" for value in values))
        out.print(table)
    _remarked(made.remarks)
    _say(f"Done in {made.elapsed_s:.0f} s.")
    for title, path in (("Scores", made.scores), ("Layers", made.geopackage), ("Embedding", made.picture)):
        if path is not None:
            _say(f"  {title:<11}{short(path)}")


def print_finetuned(made: Any) -> None:
    """Scores on pictures that were held out, and where model and layers lie."""
    wide = made.table.pivot_table(index="metric", columns="split", values="value", sort=False)
    table = Table(f"{made.task}, held out", *map(str, wide.columns))
    for metric, values in wide.iterrows():
        table.add_row(escape(str(metric)), *(_number(float(value)) for value in values))
    out.print(table)
    _remarked(made.remarks)
    _say(f"Done in {made.elapsed_s:.0f} s.")
    for title, path in (("Scores", made.scores), ("Model", made.model), *(("", p) for p in made.layers)):
        _say(f"  {title:<11}{short(path)}")


def _remarked(remarks: Sequence[str]) -> None:
    for remark in remarks:
        _say(f"Note: {remark}")


def _shown(value: Any) -> str:
    """A number to four figures; of several, each on a line of its own with its name."""
    if isinstance(value, dict):
        return "\n".join(f"{name}: {_shown(part).replace(chr(10), ', ')}" for name, part in value.items())
    return _number(value)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if type(value) is int else str(value)


def print_trust(coverage: Any, applicable: Mapping[str, float], remarks: Sequence[str]) -> None:
    """Whether the intervals hold what they promise, where the map applies, and what could not be said."""
    for row in coverage[coverage["group"].eq("all")].itertuples() if len(coverage) else ():
        _say(
            f"Intervals of {row.indicator}: {row.nominal:.0%} promised, {row.coverage:.0%} "
            f"[{row.lower:.0%}, {row.upper:.0%}] measured on {row.n_blocks} blocks, each with intervals made "
            f"on the others; mean width {row.mean_width:.3g}"
        )
    if applicable:
        people = ""
        if "population" in applicable:
            people = f", with {applicable['population']:.0%} of the people in the map's cells"
        _say(f"The map applies to {applicable['cells']:.0%} of its cells{people}; the rest is hatched.")
    _remarked(remarks)


def print_written(target: Path, counts: Mapping[str, int], rejected: Sequence[Any] = ()) -> None:
    """What was written, and where the reasons are for what was not."""
    rows = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    _say(f"Written to {target}: {rows}")
    for aside in rejected:
        _say(f"Set aside: {aside.number:,} {aside.what}, reasons in {aside.reasons}")


def short(path: Path) -> str:
    """The path as the user would type it from here."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
    return str(path) if relative.startswith("..") else relative


def _say(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)
