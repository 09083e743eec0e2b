"""The command line: ``geolivelihood run PROJECT.yaml``, and each stage alone."""

from __future__ import annotations

import inspect
import logging
import os
import sys
import warnings
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, NoReturn

import click
import typer
import yaml
from rich.table import Table

from geolivelihood.credentials import mapillary_token
from geolivelihood.errors import Cancelled, InputError
from geolivelihood.protocol import failure
from geolivelihood.terminal import (
    err,
    out,
    print_download,
    print_plan,
    print_reproduction,
    print_result,
    print_scores,
    print_trust,
    print_written,
    progress,
    show_warning,
)

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Livelihood maps from georeferenced pictures and survey clusters, with honest scores.",
    epilog="Start with:  geolivelihood demo",
)

ProjectFile = Annotated[Path, typer.Argument(help="Project file (YAML).", metavar="PROJECT.yaml")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a setting: --set validation.folds=3. Repeatable."
    ),
]
Pictures = Annotated[
    Path,
    typer.Argument(
        help="Table of pictures (CSV, GeoJSON, GeoPackage, GeoParquet) or folder of geotagged JPEGs."
    ),
]
Target = Annotated[Path, typer.Option("--out", "-o", help="What to write.")]


class ExportFormat(StrEnum):
    """Formats of ``export``."""

    geojson = "geojson"
    geoparquet = "geoparquet"
    gpkg = "gpkg"


class Mode(StrEnum):
    """Modes of ``reproduce``."""

    paper = "paper"
    default = "default"


class Listing(StrEnum):
    """Ways of ``download`` to list photos."""

    boxes = "boxes"
    tiles = "tiles"


class Width(StrEnum):
    """Widths of the copies that ``download`` fetches."""

    small = "256"
    middle = "1024"
    large = "2048"
    original = "original"


class Kind(StrEnum):
    """What pictures are."""

    street = "street"
    overhead = "overhead"


def _reading(
    crs: Annotated[
        str | None,
        typer.Option(help="CRS of a table that has none, as CSV: EPSG:4326 for longitude and latitude."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PRESET|THEIRS=OURS",
            help="A published layout (global_streetscapes, street_level_livelihoods), or what a column of "
            "the table is to us: --columns id=image_id. Repeatable.",
        ),
    ] = None,
    files: Annotated[
        str | None,
        typer.Option(
            metavar="TEMPLATE",
            help='Where the pictures are if no column says it: "photos/{image_id}.jpeg", from the folder of '
            "the table.",
        ),
    ] = None,
    kind: Annotated[Kind | None, typer.Option(help="Default: points are street photos.")] = None,
) -> dict[str, Any]:
    """How a table of pictures is to be read."""
    return {"crs": crs, "columns": _columns(columns), "files": files, "kind": kind and kind.value}


def _reads_pictures(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of :func:`_reading`; it gets what they say as its ``reading``."""
    options = inspect.signature(_reading, eval_str=True).parameters
    own = inspect.signature(command, eval_str=True).parameters

    @wraps(command)
    def with_options(**given: Any) -> None:
        reading = _reading(**{name: given.pop(name) for name in options})
        command(**given, reading=reading)

    shown = [*(option for name, option in own.items() if name != "reading"), *options.values()]
    with_options.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    return with_options


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

    overrides = _overrides(set_)
    if dry_run:
        print_plan(plan_project(project, overrides=overrides))
        return
    with progress():
        result = run_project(project, overrides=overrides, out=target)
    print_result(result)


@app.command(epilog="Example:  geolivelihood check project.yaml")
def check(project: ProjectFile, set_: Set = None) -> None:
    """Read every table of a project and say what is in it and what was set aside; train nothing."""
    from geolivelihood.recipes import open_project

    with progress():
        data, lineup = open_project(project, overrides=_overrides(set_))
        table = Table("table", "rows", "what", title=data.project.name, title_justify="left")
        if data.project.clusters:
            known = ", ".join(f"{i}: {data.clusters[i].notna().sum()}" for i in lineup.indicators)
            table.add_row("clusters", f"{len(data.clusters):,}", known)
        if data.project.regions:
            table.add_row("regions", f"{len(data.regions):,}", ", ".join(data.regions["name"].head(3)) + " …")
        table.add_row("cells", f"{len(data.cells):,}", f"H3 resolution {data.project.cells.resolution}")
        for name in data.sources:
            images = data.images(name)
            table.add_row(name, f"{len(images):,}", data.source(name).origin)
        rejected = data.rejected()
    out.print(table)
    if len(rejected):
        reasons = rejected.groupby(["stage", "reason"]).size().rename("rows").reset_index()
        shown = Table("stage", "reason", "rows", title="Set aside", title_justify="left")
        for row in reasons.itertuples(index=False):
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
        result = run_project(country.project, overrides={"out": os.path.relpath(folder, country.folder)})
        score = _against_truth(country, result.geopackage)
    print_result(result)
    out.print(f"The country is invented, so the truth is known. The map's r² with it: [bold]{score:.2f}[/],")
    out.print("each cell counting by its people.")


@app.command()
def info() -> None:
    """Versions, devices, extras, and whether PROJ and GDAL find their data."""
    from geolivelihood.health import report

    for title, rows in report().items():
        table = Table(title=title, title_justify="left", show_header=False)
        for name, value in rows.items():
            table.add_row(name, value)
        out.print(table)


@app.command(
    epilog="Example:\n\n"
    "geolivelihood index photos.csv --crs EPSG:4326 -r 9 -o photos_h3.gpkg\n\n"
    "geolivelihood index points.csv --columns global_streetscapes -o points_h3.gpkg"
)
@_reads_pictures
def index(
    pictures: Pictures,
    target: Target,
    reading: dict[str, Any],
    resolution: Annotated[int, typer.Option("--resolution", "-r", min=0, max=15, help="H3 resolution.")] = 9,
) -> None:
    """Tie pictures to H3 cells: one polygon per cell with the number of pictures in it."""
    from geolivelihood.recipes.steps import index_pictures

    with progress():
        written = index_pictures(pictures, target, resolution=resolution, **reading)
    print_written(target, *written)


@app.command(
    epilog="Example:\n\n"
    "geolivelihood embed photos.csv --crs EPSG:4326 --encoder resnet18 -o features\n\n"
    'geolivelihood embed photos.gpkg --files "photos/{image_id}.jpeg" -o vectors'
)
@_reads_pictures
def embed(
    pictures: Pictures,
    target: Target,
    reading: dict[str, Any],
    encoder: Annotated[str, typer.Option(help="rcf, summary, or a torchvision backbone.")] = "rcf",
    weights: Annotated[
        str | None, typer.Option(help="random, a file (.safetensors, .pth), or torchvision's name.")
    ] = None,
    seed: int = 0,
) -> None:
    """Turn pictures into vectors, kept in a folder; a killed run goes on where it stopped."""
    from geolivelihood.recipes.steps import embed_pictures

    with progress():
        written = embed_pictures(pictures, target, encoder=encoder, weights=weights, seed=seed, **reading)
    print_written(target, *written)


@app.command(epilog="Example:\n\ngeolivelihood graph photos.csv --crs EPSG:4326 -k 8 -o photo_graph.gpkg")
@_reads_pictures
def graph(
    pictures: Pictures,
    target: Target,
    reading: dict[str, Any],
    k: Annotated[int, typer.Option("-k", min=1, help="Links of each picture to its nearest ones.")] = 8,
    radius_m: Annotated[
        float | None, typer.Option(min=0, help="Link all within this distance instead.")
    ] = None,
) -> None:
    """Link pictures to their neighbours: nodes and edges as layers."""
    from geolivelihood.recipes.steps import graph_pictures

    with progress():
        written = graph_pictures(pictures, target, k=k, radius_m=radius_m, **reading)
    print_written(target, *written)


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
        card = train_model(project, target, model=model, indicator=indicator, overrides=_overrides(set_))
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
        layers = predict_cells(model, project, target, overrides=_overrides(set_))
    print_written(target, layers, [])


@app.command(epilog="Example:  geolivelihood validate project.yaml -o scores.csv")
def validate(project: ProjectFile, target: Target, set_: Set = None) -> None:
    """Score every model of a project under its splits; say how sure the map is and where it applies."""
    from geolivelihood.recipes import Assessment, open_project
    from geolivelihood.recipes.steps import write_scores

    with progress():
        _, lineup = open_project(project, overrides=_overrides(set_))
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


@app.command(
    epilog="Example:\n\n"
    "geolivelihood reproduce street --invent --steps 60 -o out\n\n"
    "geolivelihood reproduce street --mode default --models knn --models graph-both -o out"
)
def reproduce(
    folder: Annotated[
        Path, typer.Argument(help="Published layout: data.csv, cluster lists, HDF5 features, pictures.")
    ],
    target: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")],
    mode: Annotated[
        Mode, typer.Option(help="paper: as published. default: our models, final scores.")
    ] = Mode.paper,
    models: Annotated[
        list[str] | None, typer.Option(help="Row to compute; default: the usual ones. Repeatable.")
    ] = None,
    indicators: Annotated[list[str] | None, typer.Option(help="pov, pop or bmi. Repeatable.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Training steps; fewer for a quick run.")] = 3000,
    seed: int = 0,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the blocked split (default mode).")] = 5,
    buffer_km: Annotated[float, typer.Option(min=0, help="Buffer around test clusters (default mode).")] = 42,
    cluster_limit: Annotated[int, typer.Option(min=1, help="Leave out clusters with fewer photos.")] = 1,
    weights: Annotated[
        str, typer.Option(help="Start of image models: random, a file, or torchvision's name.")
    ] = "IMAGENET1K_V1",
    invent: Annotated[bool, typer.Option("--invent", help="Fill FOLDER with invented data first.")] = False,
) -> None:
    """Compute the results table of the street-level livelihood study, beside the published figures.

    Cells of the table that are known from an earlier run are kept; a run that was stopped goes on.
    """
    from geolivelihood.recipes import street_level
    from geolivelihood.synthetic.street_level import make_street_level

    settings = street_level.Settings(
        mode=mode.value,
        steps=steps,
        seed=seed,
        folds=folds,
        buffer_km=buffer_km,
        cluster_limit=cluster_limit,
        weights=weights,
    )
    with progress():
        if invent and not (folder / "data.csv").exists():
            make_street_level(folder, seed=seed)
        result = street_level.reproduce(
            folder, target, settings=settings, models=models, indicators=indicators
        )
    print_reproduction(result)


@app.command(
    epilog="Examples:\n\n"
    "geolivelihood download --clusters clusters.csv --crs EPSG:4326 --window 0.1 -o photos\n\n"
    "geolivelihood download --bbox 36.80,-1.32,36.83,-1.29 --start 2017-01-01 --list-only -o photos\n\n"
    "The access token is taken from the environment variable MAPILLARY_TOKEN only."
)
def download(
    target: Annotated[Path, typer.Option("--out", "-o", help="Folder for table and pictures.")],
    clusters: Annotated[Path | None, typer.Option(help="File of survey clusters.")] = None,
    bbox: Annotated[
        str | None, typer.Option(metavar="W,S,E,N", help="Box in degrees, instead of clusters.")
    ] = None,
    crs: Annotated[str | None, typer.Option(help="CRS of a file of clusters that has none.")] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(metavar="THEIRS=OURS", help="What a column of the clusters is to us. Repeatable."),
    ] = None,
    window: Annotated[float, typer.Option(help="Degrees of latitude and longitude around a cluster.")] = 0.1,
    radius_m: Annotated[float | None, typer.Option(help="Metres around a cluster, instead.")] = None,
    years: Annotated[float, typer.Option(help="Years around the survey, where its year is known.")] = 3,
    max_per_cluster: Annotated[int, typer.Option(min=1, help="Photos per cluster.")] = 300,
    start: Annotated[str | None, typer.Option(help="Photos from this day on (ISO 8601).")] = None,
    end: Annotated[str | None, typer.Option(help="Photos before this day.")] = None,
    panoramas: Annotated[bool, typer.Option("--panoramas", help="Take panoramas too.")] = False,
    by: Annotated[Listing, typer.Option(help="tiles: fewer requests, for wide areas.")] = Listing.boxes,
    size: Annotated[Width, typer.Option(help="Width of the pictures, pixels.")] = Width.large,
    list_only: Annotated[bool, typer.Option("--list-only", help="Write the table only.")] = False,
    max_rejected: Annotated[float, typer.Option(help="Share of pictures that may fail.")] = 0.1,
    concurrency: Annotated[int, typer.Option(min=1, help="Requests at the same time.")] = 8,
    seed: Annotated[int, typer.Option(help="Another seed takes other photos of many.")] = 0,
    server: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Fetch street photos around clusters, or in a box, from Mapillary; a stopped download goes on."""
    mapillary_token()  # what is missing most often is said before the imports that take their time
    from geolivelihood.recipes.download import download_pictures

    with progress():
        result = download_pictures(
            target,
            clusters=clusters,
            bbox=None if bbox is None else _edges(bbox),
            columns=_columns(columns),
            crs=crs,
            window_deg=window,
            radius_m=radius_m,
            years=years,
            most=max_per_cluster,
            start=start,
            end=end,
            panoramas=panoramas,
            by=by.value,
            size=size.value,
            list_only=list_only,
            max_rejected=max_rejected,
            concurrency=concurrency,
            seed=seed,
            server=server,
        )
    print_download(result)


def main(arguments: list[str] | None = None) -> None:
    """Entry point; ends with an exit code that means something.

    0 done, 1 a bug, 2 wrong use or a faulty project file, 3 cancelled, 4 something is not installed,
    5 out of memory, 6 the input cannot be used, 7 the output cannot be written.
    """
    logging.basicConfig(level=os.environ.get("GEOLIVELIHOOD_LOG", "WARNING"), format="%(message)s")
    warnings.simplefilter("ignore")
    warnings.filterwarnings("once", category=UserWarning, module="geolivelihood")
    warnings.showwarning = show_warning
    try:
        code = app(arguments, standalone_mode=False)
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        if hasattr(error, "show") and hasattr(error, "exit_code"):  # wrong use of the command line
            error.show()
            sys.exit(error.exit_code)
        _fail(error)
    if code == _INTERRUPTED:
        _fail(KeyboardInterrupt())
    if code:
        sys.exit(code)


_INTERRUPTED = 130  # how Typer says Ctrl-C


def _fail(error: BaseException) -> NoReturn:
    """End with the message and the code of an error; a bug comes with its traceback."""
    if isinstance(error, KeyboardInterrupt | click.Abort):
        error = Cancelled("Cancelled. Run the same command again to go on.")
    code, said = failure(error)
    if code == 1:
        raise error
    err.print(said["text"], style="red", markup=False, highlight=False, soft_wrap=True)
    if said["hint"]:
        err.print(said["hint"], markup=False, highlight=False, soft_wrap=True)
    sys.exit(code)


def _against_truth(country: Any, geopackage: Path) -> float:
    """r² of the mapped wealth with the true one, cells weighted by population."""
    import pyogrio
    from sklearn.metrics import r2_score

    from geolivelihood.cells import parse_cells

    table = pyogrio.read_dataframe(geopackage, layer="cells", columns=["cell", "wealth"], read_geometry=False)
    truth = country.truth(parse_cells(table["cell"]))
    table = truth.assign(mapped=table["wealth"].to_numpy()).dropna()
    return r2_score(table["wealth"], table["mapped"], sample_weight=table["population"])


def _overrides(pairs: list[str] | None) -> dict[str, Any]:
    found = {}
    for pair in pairs or ():
        key, equals, value = pair.partition("=")
        if not equals or not key:
            msg = f"--set {pair}: give KEY=VALUE, for example --set validation.folds=3."
            raise InputError(msg)
        try:
            found[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            msg = f"--set {pair}: the value is not valid YAML."
            raise InputError(msg) from error
    return found


def _edges(given: str) -> list[float]:
    """The four numbers of ``--bbox``."""
    try:
        return [float(edge) for edge in given.split(",")]
    except ValueError as error:
        msg = f"--bbox {given}: give west,south,east,north in degrees: --bbox 36.80,-1.32,36.83,-1.29."
        raise InputError(msg) from error


def _columns(given: list[str] | None) -> dict[str, str] | str | None:
    """The name of a preset, or the file's names to ours."""
    if not given:
        return None
    if len(given) == 1 and "=" not in given[0]:
        return given[0]
    pairs = [pair.partition("=") for pair in given]
    if not all(theirs and ours for theirs, _, ours in pairs):
        msg = (
            f"--columns {' '.join(given)}: give one preset (--columns global_streetscapes), or pairs of the "
            "table's name and ours (--columns id=image_id --columns file=path)."
        )
        raise InputError(msg)
    return {theirs: ours for theirs, _, ours in pairs}


if __name__ == "__main__":
    main()
