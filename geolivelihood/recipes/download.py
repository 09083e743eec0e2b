"""Photos of survey clusters, or of a box, from Mapillary: a table and its pictures in one folder."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import geopandas as gpd
import pandas as pd

from geolivelihood import layers, tables
from geolivelihood.errors import InputError
from geolivelihood.files import atomic, content_hash
from geolivelihood.recipes.written import SetAside
from geolivelihood.tables.faults import Checked, rejected_rows
from geolivelihood.tables.mapillary.client import API, TILES
from geolivelihood.tables.mapillary.pictures import Size
from geolivelihood.tables.mapillary.records import LICENSE

__all__ = ["Downloaded", "download_pictures"]

_PICTURES = "pictures"


class Downloaded(NamedTuple):
    """What a download has written.

    Attributes
    ----------
    table
        The images table, GeoParquet.
    listed
        Photos that Mapillary has of the area.
    rows
        Rows of the table; a photo of several clusters has one for each.
    photos
        Photos in the table.
    pictures
        Folder of the pictures; ``None`` where only the table was asked for.
    clusters
        Clusters, and how many of them have photos; ``None`` for a box.
    rejected
        What was set aside, with the place of its reasons.
    license
        What must go with the pictures.
    """

    table: Path
    listed: int
    rows: int
    photos: int
    pictures: Path | None
    clusters: tuple[int, int] | None
    rejected: SetAside
    license: str


def download_pictures(
    folder: str | os.PathLike[str],
    *,
    clusters: str | os.PathLike[str] | None = None,
    bbox: Sequence[float] | None = None,
    columns: Mapping[str, str] | str | None = None,
    crs: str | None = None,
    window_deg: float = 0.1,
    radius_m: float | None = None,
    years: float | None = 3,
    most: int = 300,
    start: str | None = None,
    end: str | None = None,
    panoramas: bool = False,
    by: Literal["boxes", "tiles"] = "boxes",
    size: Size = "2048",
    list_only: bool = False,
    max_rejected: float = 0.1,
    seed: int = 0,
    concurrency: int = 8,
    server: str | None = None,
) -> Downloaded:
    """List the photos around clusters or in a box, choose those that match, and fetch their pictures.

    Written into the folder: ``images.parquet``, an images table for ``images: [{table: ...}]`` of a project;
    ``pictures/``; ``rejected.csv`` with every row and picture that was set aside; and journals by which the
    same call goes on where an earlier one was stopped. The token comes from the environment variable
    ``MAPILLARY_TOKEN``.

    Parameters
    ----------
    folder
        Where everything goes.
    clusters
        File of clusters, any that :func:`~geolivelihood.tables.read_clusters` reads.
    bbox
        West, south, east, north in degrees, instead of clusters.
    columns, crs
        How the file of clusters is to be read.
    window_deg, radius_m, years, most, seed
        Which photos stand for a cluster; see :func:`~geolivelihood.tables.match_images`.
    start, end, panoramas, by
        What is listed; see :func:`~geolivelihood.tables.list_images`. Without ``start`` and ``end``, and
        where every cluster has a ``year``, only the ``years`` around the surveys are listed.
    size, max_rejected
        What is fetched; see :func:`~geolivelihood.tables.download_images`.
    list_only
        Write the table, fetch no picture.
    concurrency
        Requests at the same time.
    server
        Address of another server that speaks the API.

    Raises
    ------
    InputError
        If not exactly one of ``clusters`` and ``bbox`` is given, Mapillary has no photo there, or as the
        functions named above.
    TooManyRejectedError, EnvironmentMissingError, OutputError
        As these functions.
    """
    if (clusters is None) == (bbox is None):
        msg = "Say where: give a file of clusters, or a box (west,south,east,north), and not both."
        raise InputError(msg)
    target = Path(folder)
    places = (
        None if clusters is None else tables.read_clusters(clusters, indicators=[], columns=columns, crs=crs)
    )
    service: dict[str, Any] = {"concurrency": concurrency, "base_url": server or API}
    query: dict[str, Any] = {"panoramas": panoramas, "by": by}
    query["start"], query["end"] = _span(places, years, start, end)
    listed = tables.list_images(
        places.table if places else bbox,
        window_deg=window_deg,
        radius_m=radius_m,
        journal=target / f"listing-{content_hash(query)[:12]}.jsonl",
        tiles_url=server or TILES,
        **query,
        **service,
    )
    images = listed
    if places is not None:
        rule: dict[str, Any] = {"window_deg": window_deg, "radius_m": radius_m, "years": years, "most": most}
        images = _of_clusters(listed, tables.match_images(places.table, listed, seed=seed, **rule))
    if images.empty:
        msg = "Mapillary has no such photo there. Take a wider window, more years, or panoramas too."
        raise InputError(msg)
    checked = Checked(images, rejected_rows([], "", ""))
    if not list_only:
        checked = tables.download_images(
            images, target / _PICTURES, size=size, max_rejected=max_rejected, **service
        )
    return _written(target, checked, len(listed), places, list_only)


def _span(
    places: Checked | None, years: float | None, start: str | None, end: str | None
) -> tuple[str | None, str | None]:
    """From when to when photos are listed: as was asked for, else around the surveys if all are dated."""
    if places is None or years is None or "year" not in places.table or start or end:
        return start, end
    surveyed = pd.to_numeric(places.table["year"], errors="coerce")
    if surveyed.isna().any():
        return None, None
    return f"{int(surveyed.min() - years):04d}-01-01", f"{int(surveyed.max() + years) + 1:04d}-01-01"


def _of_clusters(images: gpd.GeoDataFrame, pairs: pd.DataFrame) -> gpd.GeoDataFrame:
    """The images that stand for clusters, and the distance; a photo has a row for each of its clusters."""
    rows = images.set_index("image_id").index.get_indexer(pairs["image_id"])
    found = images.iloc[rows].reset_index(drop=True)
    return found.assign(cluster_id=pairs["cluster_id"].array, distance_m=pairs["distance_m"].round(1).array)


def _written(
    target: Path, checked: Checked, listed: int, places: Checked | None, list_only: bool
) -> Downloaded:
    images, rejected = checked.table, [checked.rejected.assign(table="pictures")]
    if "path" in images:
        relative = [os.path.relpath(path, target) for path in images["path"]]
        images = images.assign(path=[Path(path).as_posix() for path in relative])
    found = None
    if places is not None:
        rejected.insert(0, places.rejected.assign(table="clusters"))
        found = len(places.table), images["cluster_id"].nunique()
    reasons = pd.concat(rejected, ignore_index=True)[["table", "row", "column", "reason"]]
    with atomic(target / "rejected.csv") as part:
        reasons.to_csv(part, index=False)
    table = layers.write_geoparquet(target / "images.parquet", images)
    return Downloaded(
        table,
        listed,
        len(images),
        images["image_id"].nunique(),
        None if list_only else target / _PICTURES,
        found,
        SetAside(len(reasons), "clusters and pictures", str(target / "rejected.csv")),
        f"The pictures are {LICENSE}: name the creator with each that you show (column 'attribution'), and "
        "share what you make of them alike.",
    )
