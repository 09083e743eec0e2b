"""Commands that work on a project: run it whole, or one stage alone."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from geolivelihood.cli.options import ProjectFile, Set, Target, parse_overrides
from geolivelihood.terminal import (
    out,
    print_plan,
    print_result,
    print_scores,
    print_trust,
    print_written,
    progress,
)

__all__ = ["app"]

app = typer.Typer()


class ExportFormat(StrEnum):
    """Formats of ``export``."""

    geojson = "geojson"
    geoparquet = "geoparquet"
    gpkg = "gpkg"


@app.command(epilog="Example:  geolivelihood run examples/brazil.yaml --set validation.folds=3")
def run(
    project: ProjectFile,
    set_: Set = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan; compute nothing.")] = False,
    target: Annotated[
        Path | None, typer.Option("--out", "-o", help="GeoPackage to write; it must not exist yet.")
    ] = None,
) -> None:
    """Run a project: pictures and clusters in, a styled map with scores out.

    What an earlier run has computed from the same settings and data is kept; a killed run goes on.
    """
    from geolivelihood.recipes import plan_project, run_project

    overrides = parse_overrides(set_)
    if dry_run:
        print_plan(plan_project(project, overrides=overrides))
        return
    with progress():
        result = run_project(project, overrides=overrides, out=target)
    print_result(result)


@app.command(epilog="Example:  geolivelihood check project.yaml")
def check(project: ProjectFile, set_: Set = None) -> None:
    """Read every table of a project and say what is in it and what was set aside; train nothing."""
    from geolivelihood.recipes.inventory import take_inventory

    with progress():
        found = take_inventory(project, overrides=parse_overrides(set_))
    table = Table("table", "rows", "what", title=found.name, title_justify="left")
    for row in found.tables.itertuples(index=False):
        table.add_row(row.table, f"{row.rows:,}", row.what)
    out.print(table)
    if len(found.rejected):
        shown = Table("stage", "reason", "rows", title="Set aside", title_justify="left")
        for row in found.reasons().itertuples(index=False):
            shown.add_row(row.stage, row.reason, f"{row.rows:,}")
        out.print(shown)
    out.print("The project can be run.")


@app.command(epilog="Example:  geolivelihood demo --folder demo")
def demo(
    folder: Annotated[Path, typer.Option(help="Where the synthetic country and its map go.")] = Path("demo"),
    clusters: Annotated[int | None, typer.Option(min=40, help="Number of survey clusters.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed is another country.")] = 0,
) -> None:
    """The main job on an invented country: photos, tiles and a survey in, a map with scores out."""
    from geolivelihood.recipes import run_project
    from geolivelihood.synthetic import make_country

    size = {} if clusters is None else {"n_clusters": clusters}
    with progress():
        country = make_country(folder / "country", seed=seed, **size)
        target = os.path.relpath(folder, country.folder)
        result = run_project(country.project, overrides={"out": target})
        score = _against_truth(country, result.geopackage)
    print_result(result)
    out.print(f"The country is invented, so the truth is known. The map's r² with it: [bold]{score:.2f}[/],")
    out.print("each cell counting by its people.")
    project = os.path.relpath(country.project)
    asked = f"geolivelihood explain {project} --set out={target} --model ridge --source tiles"
    out.print(f"What in its tiles a model went by:  {asked}", markup=False, highlight=False, soft_wrap=True)


@app.command(epilog="Example:  geolivelihood train project.yaml --model cell --indicator wealth -o model")
def train(
    project: ProjectFile,
    target: Target,
    model: Annotated[
        str | None, typer.Option(help="One of the project's models; default: the map's.")
    ] = None,
    indicator: Annotated[str | None, typer.Option(help="Default: the project's first.")] = None,
    set_: Set = None,
) -> None:
    """Fit one model of a project to all its clusters and save it (safetensors and a card)."""
    from geolivelihood.recipes.steps import train_model

    with progress():
        card = train_model(project, target, model=model, indicator=indicator, overrides=parse_overrides(set_))
    out.print(f"Saved to [bold]{target}[/]: {card['name']} for {card['indicator']}")


@app.command(epilog="Example:  geolivelihood predict model project.yaml -o predictions.gpkg")
def predict(
    model: Annotated[Path, typer.Argument(help="Folder that 'train' has written.")],
    project: ProjectFile,
    target: Target,
    set_: Set = None,
) -> None:
    """Predict the cells of a project with a saved model."""
    from geolivelihood.recipes.steps import predict_cells

    with progress():
        layers = predict_cells(model, project, target, overrides=parse_overrides(set_))
    print_written(target, layers, [])


@app.command(epilog="Example:  geolivelihood validate project.yaml -o scores.csv")
def validate(project: ProjectFile, target: Target, set_: Set = None) -> None:
    """Score every model of a project under its splits; say how sure the map is and where it applies."""
    from geolivelihood.recipes import Assessment, open_project
    from geolivelihood.recipes.steps import write_scores

    with progress():
        _, lineup = open_project(project, overrides=parse_overrides(set_))
        assessment = Assessment(lineup)
        scores = write_scores(lineup, target)
        coverage, applicable = assessment.coverage, assessment.applicable.shares()
    print_scores(scores)
    print_trust(coverage, applicable, assessment.remarks)
    out.print(f"Written to [bold]{target}[/]")


@app.command(epilog="Example:  geolivelihood export out/brazil.gpkg --format geojson --layer cells -o shared")
def export(
    result: Annotated[Path, typer.Argument(help="GeoPackage of a run.")],
    target: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")],
    format_: Annotated[ExportFormat, typer.Option("--format", "-f")] = ExportFormat.geojson,
    layer: Annotated[
        list[str] | None, typer.Option(help="Layer to export; default: all. Repeatable.")
    ] = None,
) -> None:
    """Copy layers of a result to GeoJSON, GeoParquet or another GeoPackage, styles and provenance kept."""
    from geolivelihood.recipes.steps import export_layers

    with progress():
        written = export_layers(result, target, kind=format_.value, names=layer)
    for path in written:
        out.print(f"Written to [bold]{path}[/]")


@app.command()
def info() -> None:
    """Versions, devices, extras, and whether PROJ and GDAL find their data."""
    from geolivelihood.health import report

    for title, rows in report().items():
        table = Table(title=title, title_justify="left", show_header=False)
        for name, value in rows.items():
            table.add_row(name, value)
        out.print(table)


def _against_truth(country: Any, geopackage: Path) -> float:
    """r² of the mapped wealth with the true one, cells weighted by population."""
    import pyogrio
    from sklearn.metrics import r2_score

    from geolivelihood.cells import parse_cells

    table = pyogrio.read_dataframe(geopackage, layer="cells", columns=["cell", "wealth"], read_geometry=False)
    truth = country.truth(parse_cells(table["cell"]))
    table = truth.assign(mapped=table["wealth"].to_numpy()).dropna()
    return r2_score(table["wealth"], table["mapped"], sample_weight=table["population"])
