"""Commands that work on a table of pictures, or get one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from geolivelihood.cli.options import Pictures, Target, parse_columns, reads_pictures
from geolivelihood.credentials import mapillary_token
from geolivelihood.errors import InputError
from geolivelihood.terminal import print_download, print_written, progress

__all__ = ["app"]

app = typer.Typer()


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


@app.command(
    epilog="Example:\n\n"
    "geolivelihood index photos.csv --crs EPSG:4326 -r 9 -o photos_h3.gpkg\n\n"
    "geolivelihood index points.csv --columns global_streetscapes -o points_h3.gpkg"
)
@reads_pictures
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
@reads_pictures
def embed(
    pictures: Pictures,
    target: Target,
    reading: dict[str, Any],
    encoder: Annotated[str, typer.Option(help="rcf, summary, or a torchvision backbone.")] = "rcf",
    weights: Annotated[
        str | None, typer.Option(help="random, a file (.safetensors, .pth), or torchvision's name.")
    ] = None,
    max_rejected: Annotated[float, typer.Option(help="Share of pictures that may fail.")] = 0.1,
    seed: int = 0,
) -> None:
    """Turn pictures into vectors, kept in a folder; a killed run goes on where it stopped."""
    from geolivelihood.recipes.steps import embed_pictures

    with progress():
        written = embed_pictures(
            pictures,
            target,
            encoder=encoder,
            weights=weights,
            seed=seed,
            max_rejected=max_rejected,
            **reading,
        )
    print_written(target, *written)


@app.command(epilog="Example:\n\ngeolivelihood graph photos.csv --crs EPSG:4326 -k 8 -o photo_graph.gpkg")
@reads_pictures
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
            columns=parse_columns(columns),
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


def _edges(given: str) -> list[float]:
    """The four numbers of ``--bbox``."""
    try:
        return [float(edge) for edge in given.split(",")]
    except ValueError as error:
        msg = f"--bbox {given}: give west,south,east,north in degrees: --bbox 36.80,-1.32,36.83,-1.29."
        raise InputError(msg) from error
