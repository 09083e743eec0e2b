"""xView: satellite scenes of 30 cm with boxes around things of 60 classes, all in one GeoJSON.

References
----------
.. [1] Lam et al. (2018), "xView: Objects in Context in Overhead Imagery", arXiv 1802.07856.
"""

from __future__ import annotations

import os
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyogrio
import pyogrio.errors

from geolivelihood.errors import InputError
from geolivelihood.tables.collections.door import OnRejected, admit, collection_folder, require_columns
from geolivelihood.tables.collections.drawn_labels import drawn_labels, file_text
from geolivelihood.tables.faults import rejected_rows
from geolivelihood.tables.footprints import window_polygons
from geolivelihood.tables.geotiffs import read_geotiffs
from geolivelihood.tables.rasters import read_header

__all__ = ["read_xview", "read_xview_classes", "read_xview_labels"]

_LAYOUT = "train_images/<number>.tif, xView_train.geojson and xview_class_labels.txt"
_FOLDERS = {"train": "train_images", "val": "val_images"}
_PROPERTIES = ["image_id", "type_id", "bounds_imcoords"]


def read_xview(
    root: str | os.PathLike[str],
    *,
    split: str | None = None,
    max_rejected: float = 0.1,
    on_rejected: OnRejected | None = None,
) -> gpd.GeoDataFrame:
    """The scenes of xView.

    Parameters
    ----------
    root
        Folder with ``train_images`` and, where it is there, ``val_images``.
    split
        ``"train"`` or ``"val"``; ``None`` is both. Only those of train have published labels.
    max_rejected
        Share of scenes set aside above which the collection is refused.
    on_rejected
        Called with ``row, column, reason`` of the scenes set aside; ``None`` logs a warning.

    Returns
    -------
    geopandas.GeoDataFrame
        ``image_id`` (the number of the file), ``path, kind, split``, the window of the whole file, footprints
        in EPSG:4326.

    Raises
    ------
    InputError, MissingCRSError, TooManyRejectedError
        If the layout is another or too little is left.
    """
    folder = collection_folder(root, layout=_LAYOUT)
    if split is not None and split not in _FOLDERS:
        msg = f"split={split!r}: xView has {' and '.join(_FOLDERS)}."
        raise InputError(msg)
    wanted = _FOLDERS if split is None else {split: _FOLDERS[split]}
    there = {name: folder / place for name, place in wanted.items() if (folder / place).is_dir()}
    if not there:
        msg = f"{folder} has no folder {' or '.join(wanted.values())}. The published layout is {_LAYOUT}."
        raise InputError(msg)
    read = {name: read_geotiffs(place) for name, place in there.items()}
    tables = [checked.table.assign(split=name) for name, checked in read.items()]
    return admit(
        gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), crs="EPSG:4326"),
        what=f"xView in {folder}",
        rejected=[checked.rejected for checked in read.values()],
        max_rejected=max_rejected,
        on_rejected=on_rejected,
    )


def read_xview_labels(
    root: str | os.PathLike[str],
    images: gpd.GeoDataFrame,
    *,
    labels: str | os.PathLike[str] = "xView_train.geojson",
    classes: str | os.PathLike[str] = "xview_class_labels.txt",
    on_rejected: OnRejected | None = None,
) -> gpd.GeoDataFrame:
    """The boxes of xView, on the ground.

    A box is taken from the pixels in which it was drawn (``bounds_imcoords``), cut off at the edges of its
    scene, and placed by the scene's own grid. A scene without boxes has none of these things in it.

    Parameters
    ----------
    root
        Folder of the layout.
    images
        From :func:`read_xview`; labels of other scenes are set aside.
    labels
        The GeoJSON of all scenes, below ``root``.
    classes
        The list of classes, below ``root``.
    on_rejected
        Called with ``row, column, reason`` of the labels set aside: of a scene that is not there (such as
        ``1395.tif``), of a type without a class (75 and 82), without an area, or outside their scene.
        ``None`` logs a warning.

    Returns
    -------
    geopandas.GeoDataFrame
        ``image_id``, ``class``, ``type_id``; boxes in EPSG:4326.

    Raises
    ------
    InputError, MissingColumnError
        If a file is missing or damaged, a property is missing, or no label is left.
    """
    folder = collection_folder(root, layout=_LAYOUT)
    names = read_xview_classes(folder / classes)
    table = _features(folder / labels)
    table["image_id"] = table["image_id"].astype("str").str.removesuffix(".tif")
    bounds = _bounds(table["bounds_imcoords"])
    paths = dict(zip(images["image_id"], images["path"]))
    inside, shapes = _placed(table["image_id"].to_numpy(), bounds, paths)
    reasons = {
        ("image_id", "the scene is not among the images"): ~table["image_id"].isin(paths).to_numpy(),
        ("type_id", "the type has no class"): ~table["type_id"].isin(names).to_numpy(),
        ("bounds_imcoords", "is no box: xmin,ymin,xmax,ymax"): ~(
            (bounds[:, 2:] > bounds[:, :2]).all(axis=1)  # NaN compares false
        ),
        ("bounds_imcoords", "the box lies outside its scene"): ~inside,
    }
    bad, rejected = np.zeros(len(table), dtype=bool), []
    for (column, reason), mask in reasons.items():  # each label is told once, by its first fault
        rows = table["image_id"][mask & ~bad] + " feature " + table.index[mask & ~bad].astype("str")
        rejected.append(rejected_rows(rows, column, reason))
        bad |= mask
    good = table[~bad]
    return drawn_labels(
        {
            "image_id": good["image_id"].to_numpy(),
            "class": good["type_id"].map(names).to_numpy(),
            "type_id": good["type_id"].to_numpy(dtype=np.int64),
        },
        shapes[~bad],
        what=f"xView in {folder}",
        rejected=rejected,
        on_rejected=on_rejected,
    )


def read_xview_classes(path: str | os.PathLike[str]) -> dict[int, str]:
    """Names of the classes by type id, from lines such as ``11:Fixed-wing Aircraft``.

    Raises
    ------
    InputError
        If the file is missing or a line is something else.
    """
    names = {}
    for line in file_text(path, holds="the classes of xView").splitlines():
        number, colon, name = line.partition(":")
        if not line.strip():
            continue
        if not colon or not number.strip().isdigit() or not name.strip():
            msg = f"{path} has the line {line!r}. Each should be a type id and a name: 11:Fixed-wing Aircraft"
            raise InputError(msg)
        names[int(number)] = name.strip()
    if not names:
        msg = f"{path} names no class."
        raise InputError(msg)
    return names


def _features(path: Path) -> pd.DataFrame:
    """Properties of all features; their own longitudes and latitudes are not needed."""
    try:
        table = pyogrio.read_dataframe(path, read_geometry=False)
    except (OSError, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        msg = f"{path} cannot be read as GeoJSON: {error}"
        raise InputError(msg) from error
    require_columns(table, _PROPERTIES, where=path)
    return table[_PROPERTIES]


def _bounds(texts: pd.Series) -> npt.NDArray[np.float64]:
    """(n, 4) first column, first row, last column, last row; NaN where the text is something else."""
    parts = texts.astype("str").str.split(",", expand=True).reindex(columns=range(4))
    return parts.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)


def _placed(
    owners: npt.NDArray[np.object_], bounds: npt.NDArray[np.float64], paths: dict[str, str]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.object_]]:
    """Which boxes lie in their scene, and the polygons of their parts inside."""
    inside = np.zeros(len(owners), dtype=bool)
    shapes = np.full(len(owners), None, dtype=object)
    for name, rows in pd.Series(np.arange(len(owners))).groupby(owners):  # each scene has its own grid
        if name not in paths:
            continue
        header = read_header(paths[name], probe=False)
        at = rows.to_numpy()
        clipped = np.clip(bounds[at], 0, [header.width, header.height] * 2)
        there = (clipped[:, 2:] > clipped[:, :2]).all(axis=1)
        windows = np.concatenate([clipped[:, :2], clipped[:, 2:] - clipped[:, :2]], axis=1)[there]
        shapes[at[there]] = window_polygons(header.transform, windows, crs=header.crs, points_per_edge=1)
        inside[at] = there
    return inside, shapes
