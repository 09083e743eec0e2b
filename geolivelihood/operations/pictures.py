"""Pictures alone: by cell, as vectors, as a network of neighbours, and from Mapillary."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from geolivelihood.credentials import ASK_FOR_ONE, TOKEN
from geolivelihood.errors import EnvironmentMissingError, InputError
from geolivelihood.operations.common import (
    ENCODERS,
    crs_parameter,
    done,
    max_rejected_parameter,
    own_crs,
    resolution_parameter,
    seed_parameter,
    source,
    tell,
    written,
)
from geolivelihood.operations.described import Operation, Output, Parameter
from geolivelihood.operations.values import Layer

__all__ = [
    "BUILD_GRAPH",
    "DOWNLOAD_PHOTOS",
    "EMBED",
    "H3_SUMMARY",
    "build_graph",
    "download_photos",
    "embed",
    "h3_summary",
]

_ID = Parameter(
    "id",
    "fields",
    "Field with the names of the pictures",
    "Unique names. By default the field image_id, else the rows are numbered from 1.",
    optional=True,
    advanced=True,
    of="pictures",
)

H3_SUMMARY = Operation(
    "h3_summary",
    "Count points by cell",
    "Map",
    "Lays H3 cells (hexagons of about equal size all over the earth) under pictures, survey clusters or any "
    "other points, counts how many lie in each cell, and averages fields of numbers over them.",
    "h3 hexagon grid index aggregate points pictures count mean",
    [
        Parameter(
            "points",
            "points",
            "Points",
            "Pictures or any other points, in any coordinate system. Polygons count where their middle is.",
        ),
        resolution_parameter(8),
        Parameter(
            "fields",
            "fields",
            "Fields to average",
            "Fields with numbers; their mean over the points of each cell is written under the same name. "
            "Empty entries are left out.",
            optional=True,
            of="points",
            many=True,
            numeric=True,
        ),
        crs_parameter("points"),
    ],
    Output(
        "geopackage",
        "Cells",
        "A GeoPackage with the styled layer 'cells' (polygons, EPSG:4326): cell (H3 name), count (number of "
        "points) and the means. Points without a place are in the table 'rejected', with the reason.",
        "cells",
    ),
    needs="geolivelihood.recipes.places",
)

EMBED = Operation(
    "embed",
    "Turn pictures into numbers",
    "Pictures",
    "Describes each picture by a row of numbers (its features), as models take them. A stopped call goes on "
    "where it was when it is given the same folder again.",
    "embed features encoder vectors pictures photos",
    [
        Parameter(
            "pictures",
            "points",
            "Table of pictures",
            "One row per picture, with its place (points of photos, or outlines of overhead pictures). Give "
            "this or a folder of photos.",
            optional=True,
        ),
        Parameter(
            "photos",
            "folder",
            "Folder of photos",
            "Instead of a table: JPEG photos that hold their own position (EXIF). With a table: the folder "
            "that the paths of its pictures start from; by default the folder of the table.",
            optional=True,
        ),
        Parameter(
            "file",
            "fields",
            "Field with the paths of the picture files",
            "By default the field 'path'. Paths may be relative.",
            optional=True,
            of="pictures",
        ),
        Parameter(
            "encoder",
            "choice",
            "Way to describe a picture",
            "Networks start from random weights unless weights are named below.",
            default="rcf",
            choices=ENCODERS,
        ),
        Parameter(
            "weights",
            "text",
            "Weights of the network",
            "'random', a file (.safetensors or .pth), or the name of published weights such as DEFAULT, "
            "which are downloaded once. Only for networks.",
            optional=True,
            advanced=True,
        ),
        _ID,
        crs_parameter("pictures"),
        max_rejected_parameter("Pictures"),
        seed_parameter(),
    ],
    Output(
        "folder",
        "Features",
        "A folder with one row of numbers per picture (Parquet), what made them, and the pictures that could "
        "not be read (rejected.csv) or whose rows cannot be used (table_rejected.csv).",
        "features",
        resumable=True,
    ),
    needs="geolivelihood.recipes.steps",
)

BUILD_GRAPH = Operation(
    "build_graph",
    "Link pictures to their neighbours",
    "Pictures",
    "Draws a line from each picture to the nearest other ones, or to all within a distance, measured on the "
    "ground. Networks of this kind let a model see photos together with those around them.",
    "graph network neighbours links edges",
    [
        Parameter("pictures", "points", "Pictures", "One row per picture, in any coordinate system."),
        Parameter(
            "neighbours",
            "integer",
            "Number of neighbours",
            "Each picture is linked to so many nearest ones.",
            default=8,
            min=1,
            max=1000,
        ),
        Parameter(
            "radius_m",
            "number",
            "Distance (metres)",
            "Instead of a number of neighbours: link all pictures that are at most so far apart.",
            optional=True,
            advanced=True,
            min=1,
        ),
        _ID,
        crs_parameter("pictures"),
    ],
    Output(
        "geopackage",
        "Links",
        "A GeoPackage with two styled layers (EPSG:4326): 'images' (points) and 'edges' (lines with source "
        "and target, the names of the two pictures, and distance_m, metres).",
        "links",
    ),
    needs="geolivelihood.recipes.steps",
)

DOWNLOAD_PHOTOS = Operation(
    "download_photos",
    "Download Mapillary photos",
    "Pictures",
    "Fetches the street photos that Mapillary has of an area, with place, direction and time of each. "
    f"Mapillary asks for an access token, which is read from the environment variable {TOKEN} of the worker "
    "and is never stored. A stopped download goes on where it was when it is given the same folder again. "
    "The pictures are CC BY-SA 4.0: name the creator of each that you show.",
    "mapillary street photos download streetview",
    [
        Parameter(
            "extent",
            "extent",
            "Area",
            "West, south, east, north. Keep it to the size of a town: a city centre has hundreds of "
            "thousands.",
        ),
        Parameter("start", "date", "From", "Photos taken on this day or later.", optional=True),
        Parameter("end", "date", "Before", "Photos taken before this day.", optional=True),
        Parameter(
            "panoramas",
            "flag",
            "Panoramas too",
            "Also take pictures all around (360°), which look distorted.",
            optional=True,
            default=False,
        ),
        Parameter(
            "list_only",
            "flag",
            "Only the table",
            "Write where the photos are, and fetch no picture.",
            optional=True,
            default=False,
        ),
        Parameter(
            "size",
            "choice",
            "Width of the pictures (pixels)",
            "Models need no more than 1024.",
            advanced=True,
            default="1024",
            choices=(("256", "256"), ("1024", "1024"), ("2048", "2048"), ("original", "as it was taken")),
        ),
        Parameter(
            "by",
            "choice",
            "Way to ask",
            "Boxes tell more of each photo; tiles need fewer requests for a wide area.",
            advanced=True,
            default="boxes",
            choices=(("boxes", "in small boxes"), ("tiles", "by map tiles")),
        ),
    ],
    Output(
        "folder",
        "Photos",
        "A folder with the table images.parquet (points, EPSG:4326: heading, time, creator, path of the "
        "file), the pictures, and rejected.csv with those that could not be had.",
        "mapillary",
        resumable=True,
    ),
    needs="geolivelihood.recipes.download",
)


def h3_summary(
    out: Path, *, points: Layer, resolution: int, fields: list[str], crs: str | None
) -> dict[str, Any]:
    """Count points by H3 cell, and average fields."""
    from geolivelihood.recipes.places import summarise_points

    return written(out, summarise_points(source(points, crs), out, resolution=resolution, fields=fields))


def embed(
    out: Path,
    *,
    pictures: Layer | None,
    photos: Path | None,
    file: str | None,
    encoder: str,
    weights: str | None,
    id: str | None,
    crs: str | None,
    max_rejected: float,
    seed: int,
) -> dict[str, Any]:
    """Turn the pictures of a table, or of a folder, into vectors."""
    if pictures is None and photos is None:
        msg = "Say which pictures: a table of pictures, or a folder of photos that hold their position."
        raise InputError(msg)
    from geolivelihood.recipes.steps import embed_pictures

    table = photos if pictures is None else pictures.path
    assert table is not None
    reading = {} if pictures is None else _reading(pictures, crs, id=id, file=file, root=photos)
    made = embed_pictures(
        table,
        out,
        encoder=encoder,
        weights=weights or None,
        seed=seed,
        max_rejected=max_rejected,
        **reading,
    )
    count = made.rows["vectors"]
    tell([f"{count:,} pictures have features."])
    tell(f"Set aside: {aside.number:,} {aside.what}, reasons in {aside.reasons}" for aside in made.rejected)
    return done("folder", out, rejected=sum(aside.number for aside in made.rejected), vectors=count)


def build_graph(
    out: Path, *, pictures: Layer, neighbours: int, radius_m: float | None, id: str | None, crs: str | None
) -> dict[str, Any]:
    """Link pictures to their neighbours."""
    from geolivelihood.recipes.steps import graph_pictures

    reading = _reading(pictures, crs, id=id)
    return written(out, graph_pictures(pictures.path, out, k=neighbours, radius_m=radius_m, **reading))


def download_photos(
    out: Path,
    *,
    extent: list[float],
    start: str | None,
    end: str | None,
    panoramas: bool,
    list_only: bool,
    size: Literal["256", "1024", "2048", "original"],
    by: Literal["boxes", "tiles"],
    server: str | None = None,
) -> dict[str, Any]:
    """Fetch the street photos of an area from Mapillary."""
    if not os.environ.get(TOKEN, "").strip():
        msg = (
            f"Mapillary asks for an access token, and the environment variable {TOKEN} is not set. "
            f"{ASK_FOR_ONE}, and set the variable before the worker starts (QGIS: Settings, Options, "
            "System, Environment; then start QGIS again)."
        )
        raise EnvironmentMissingError(msg)
    from geolivelihood.recipes.download import download_pictures

    taken: dict[str, Any] = {"panoramas": panoramas, "list_only": list_only, "size": size, "by": by}
    made = download_pictures(out, bbox=extent, start=start, end=end, server=server, **taken)
    aside = made.rejected
    tell([f"Photos that Mapillary has there: {made.listed:,}; in the table: {made.photos:,}", made.license])
    tell([f"Set aside: {aside.number:,} {aside.what}, reasons in {aside.reasons}"] if aside.number else [])
    return done("folder", out, rejected=aside.number, table=str(made.table), photos=made.photos)


def _reading(
    layer: Layer,
    crs: str | None,
    *,
    id: str | None = None,
    file: str | None = None,
    root: Path | None = None,
) -> dict[str, Any]:
    """How a layer of pictures is to be read."""
    columns = {
        theirs: ours for theirs, ours in ((id, "image_id"), (file, "path")) if theirs and theirs != ours
    }
    return {
        "layer": layer.name,
        "crs": own_crs(layer, crs),
        "columns": columns,
        "root": root,
        "numbered": id is None,
    }
