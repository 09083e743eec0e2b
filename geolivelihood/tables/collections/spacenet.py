"""SpaceNet buildings: pan-sharpened satellite pictures of 200 m with the outlines of the buildings in them.

References
----------
.. [1] Van Etten et al. (2018), "SpaceNet: A Remote Sensing Dataset and Challenge Series", arXiv 1807.01232.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from affine import Affine

from geolivelihood.errors import InputError
from geolivelihood.tables.collections.door import (
    OnRejected,
    admit,
    collection_folder,
    files_below,
    require_columns,
)
from geolivelihood.tables.collections.drawn_labels import drawn_labels, file_text, polygons_only
from geolivelihood.tables.faults import rejected_rows
from geolivelihood.tables.geotiffs import read_geotiffs
from geolivelihood.tables.rasters import read_header

__all__ = ["read_spacenet", "read_spacenet_labels"]

_LAYOUT = "<imagery>/<imagery>_<ImageId>.tif with geojson/ or summaryData/ (.csv) beside the imagery"
_ID = r"(AOI_\d+_.+_img\d+)$"
_COLUMNS = ["ImageId", "BuildingId", "PolygonWKT_Pix", "PolygonWKT_Geo"]
_CLASS = "building"


def read_spacenet(
    root: str | os.PathLike[str],
    *,
    imagery: str = "RGB-PanSharpen",
    labelled: bool = True,
    max_rejected: float = 0.1,
    on_rejected: OnRejected | None = None,
) -> gpd.GeoDataFrame:
    """The pictures of one area of SpaceNet, of one kind of imagery.

    Parameters
    ----------
    root
        Folder of an area, such as ``AOI_2_Vegas_Train``.
    imagery
        Folder of the pictures: ``RGB-PanSharpen`` (3 bands), ``MUL-PanSharpen`` (8 bands) of 16 bits,
        ``3band``, ``8band``...
    labelled
        Keep only pictures that somebody looked at for buildings, found or not. Others must not teach that
        there are none; ``False`` keeps them too, to be mapped.
    max_rejected
        Share of pictures set aside above which the collection is refused; unlabelled ones do not count.
    on_rejected
        Called with ``row, column, reason`` of the pictures set aside; ``None`` logs a warning.

    Returns
    -------
    geopandas.GeoDataFrame
        ``image_id`` (``AOI_2_Vegas_img1``), ``path, kind, sensor`` (the imagery), ``region``
        (``AOI_2_Vegas``), the window of the whole file, its bands, footprints in EPSG:4326.

    Raises
    ------
    InputError, MissingCRSError, TooManyRejectedError
        If the layout is another or too little is left.
    """
    folder = collection_folder(root, layout=_LAYOUT)
    if not (folder / imagery).is_dir():
        there = ", ".join(sorted(path.name for path in folder.iterdir() if path.is_dir())) or "none"
        msg = f"imagery={imagery!r}: {folder} has no such folder; its folders: {there}."
        raise InputError(msg)
    checked = read_geotiffs(folder / imagery)
    table = checked.table.assign(sensor=imagery)
    ids = table["image_id"].str.extract(_ID, expand=False)
    strange = rejected_rows(table["image_id"][ids.isna()], "path", f"the name holds no ImageId ({_ID})")
    table = table.assign(image_id=ids, region=ids.str.replace(r"_img\d+$", "", regex=True))[ids.notna()]
    known = table["image_id"].isin(_looked_at(folder)) if labelled else pd.Series(True, table.index)
    unseen = rejected_rows(table["image_id"][~known], "image_id", "the picture has no labels")
    return admit(
        table[known],
        what=f"SpaceNet in {folder}",
        rejected=[checked.rejected, strange],
        gaps=[unseen],
        max_rejected=max_rejected,
        on_rejected=on_rejected,
    )


def read_spacenet_labels(
    root: str | os.PathLike[str],
    images: gpd.GeoDataFrame,
    *,
    source: Literal["geojson", "summary"] | None = None,
    on_rejected: OnRejected | None = None,
) -> gpd.GeoDataFrame:
    """The outlines of buildings in one area of SpaceNet.

    Parameters
    ----------
    root
        Folder of the area.
    images
        From :func:`read_spacenet`; labels of other pictures are set aside.
    source
        ``"geojson"`` (a file per picture) or ``"summary"`` (one CSV); ``None`` takes the files where there
        are any. Of the summary, ``PolygonWKT_Geo`` counts; where it is empty, ``PolygonWKT_Pix`` is placed
        by the grid of the picture.
    on_rejected
        Called with ``row, column, reason`` of the labels set aside; ``None`` logs a warning. ``POLYGON
        EMPTY`` says that a picture has no building and is not among them.

    Returns
    -------
    geopandas.GeoDataFrame
        ``image_id``, ``class`` (``building``), polygons in EPSG:4326.

    Raises
    ------
    InputError, MissingColumnError
        If there are no labels, a file is damaged, or no building is left.
    """
    folder = collection_folder(root, layout=_LAYOUT)
    files, summaries = _label_files(folder), _summaries(folder)
    if source not in (None, "geojson", "summary"):
        msg = f"source={source!r}: give 'geojson', 'summary' or None."
        raise InputError(msg)
    if source == "geojson" or (source is None and files):
        owners, shapes = _from_files(files)
    else:
        owners, shapes = _from_summary(folder, summaries, images)
    flat = polygons_only(shapes)
    known = np.isin(owners, images["image_id"].to_numpy(dtype=object))
    empty = shapely.is_missing(flat) | ~(shapely.area(flat) > 0)
    rejected = [
        rejected_rows(owners[~known], "image_id", "the picture is not among the images"),
        rejected_rows(owners[known & empty], "geometry", "the outline has no area"),
    ]
    good = known & ~empty
    return drawn_labels(
        {"image_id": owners[good], "class": np.full(int(good.sum()), _CLASS, dtype=object)},
        flat[good],
        what=f"SpaceNet in {folder}",
        rejected=rejected,
        on_rejected=on_rejected,
    )


def _label_files(folder: Path) -> dict[str, Path]:
    """GeoJSON files by the picture that they belong to."""
    names = pd.Series(files_below(folder, (".geojson",)), dtype="str")
    ids = names.str.removesuffix(".geojson").str.extract(_ID, expand=False)
    return {owner: folder / name for owner, name in zip(ids, names) if isinstance(owner, str)}


def _summaries(folder: Path) -> list[Path]:
    return [folder / name for name in files_below(folder, (".csv",)) if "summar" in name.lower()]


def _looked_at(folder: Path) -> set[str]:
    """Ids of the pictures that have a label file or a row in a summary, also one that says: no building."""
    seen = set(_label_files(folder))
    for path in _summaries(folder):
        seen |= set(_summary(path)["ImageId"].astype("str"))
    return seen


def _from_files(files: dict[str, Path]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    owners: list[str] = []
    shapes: list[Any] = []
    for owner, path in files.items():  # a file per picture is how they were published
        try:
            features = json.loads(file_text(path, holds="the buildings of a picture"))["features"]
            drawn = [feature["geometry"] for feature in features]
            found = shapely.from_geojson([json.dumps(shape) for shape in drawn if shape])
        except (ValueError, KeyError, TypeError, shapely.errors.GEOSException) as error:
            msg = f"{path} is no GeoJSON of buildings: {error}"
            raise InputError(msg) from error
        shapes += [shape for shape in found if not shape.is_empty]
        owners += [owner] * (len(shapes) - len(owners))
    return np.array(owners, dtype=object), np.array(shapes, dtype=object)


def _summary(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype="str")
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read as a summary of buildings: {error}"
        raise InputError(msg) from error
    require_columns(table, _COLUMNS, where=path)
    return table


def _from_summary(
    folder: Path, paths: list[Path], images: gpd.GeoDataFrame
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    if not paths:
        msg = f"{folder} has neither GeoJSON files nor a CSV in summaryData. The layout is {_LAYOUT}."
        raise InputError(msg)
    table = pd.concat([_summary(path) for path in paths], ignore_index=True)
    ground, drawn = (_from_wkt(table[name], paths[0]) for name in ("PolygonWKT_Geo", "PolygonWKT_Pix"))
    lacking = shapely.is_empty(ground) & ~shapely.is_empty(drawn)
    owners = table["ImageId"].to_numpy(dtype=object)
    files = dict(zip(images["image_id"], images["path"]))
    for name in np.unique(owners[lacking].astype(str)):
        if name in files:
            at = np.flatnonzero(lacking & (owners == name))
            header = read_header(files[name], probe=False)
            placed = _on_ground(drawn[at], header.transform)
            ground[at] = gpd.GeoSeries(placed, crs=header.crs).to_crs("EPSG:4326").to_numpy()
    there = ~shapely.is_empty(ground)
    return owners[there], ground[there]


def _from_wkt(texts: pd.Series, path: Path) -> npt.NDArray[Any]:
    """Polygons of a column; an empty one where there is no text."""
    try:
        shapes = shapely.from_wkt(texts.fillna("POLYGON EMPTY").to_numpy(dtype=object))
    except shapely.errors.GEOSException as error:
        msg = f"{path}: {texts.name} holds something that is no WKT: {error}"
        raise InputError(msg) from error
    return np.array(shapely.force_2d(shapes), dtype=object)


def _on_ground(shapes: npt.NDArray[Any], grid: Affine) -> npt.NDArray[Any]:
    """Shapes in pixels as shapes in the CRS of the grid."""
    matrix = np.array([[grid.a, grid.d], [grid.b, grid.e]])
    return shapely.transform(shapes, lambda points: points @ matrix + (grid.c, grid.f))
