"""Views that may leave the house: a wedge points at somebody's home."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from geolivelihood.cells import cell_names, cell_polygons, parents, parse_cells, point_cells
from geolivelihood.errors import InputError

__all__ = ["view_cells", "without_clusters"]


def without_clusters(views: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The views without ``cluster_id``, which would tie survey answers to streets.

    Only blurred imagery should be shared at all; where homes can be told apart, share :func:`view_cells`.
    """
    return views.drop(columns="cluster_id", errors="ignore")


def view_cells(views: gpd.GeoDataFrame, *, resolution: int = 10, least: int = 3) -> gpd.GeoDataFrame:
    """Views added up to cells of several photos, to be shared in place of wedges.

    Parameters
    ----------
    views
        Views or sectors (:func:`view_sectors`), with ``target`` and ``score`` where they carry any. A view
        counts in its ``cell``, or else in the cell of its middle.
    resolution
        H3 resolution of the cells, no finer than ``cell``.
    least
        Photos that a cell needs; cells with fewer are left out.

    Returns
    -------
    geopandas.GeoDataFrame
        Cells in EPSG:4326 with ``cell`` (name), ``target``, ``photos``, and the mean per photo of ``score``,
        ``positive`` and ``negative``.

    Raises
    ------
    InputError
        If ``least`` is below 2.
    """
    if least < 2:
        msg = f"least is {least}; cells of a single photo are no better than its wedge. Give 2 or more."
        raise InputError(msg)
    whole = views[views["sector"].eq(-1)] if "sector" in views else views
    whole = whole.assign(cell=_cells(whole, resolution))
    if "target" not in whole:
        whole = whole.assign(target="")
    whole = whole.drop_duplicates(["image_id", "target"])
    sums = [name for name in ("score", "positive", "negative") if name in whole]
    groups = whole.groupby(["cell", "target"], sort=True)
    table = groups[sums].mean().assign(photos=groups.size()).reset_index()
    table = table[table["photos"] >= least].reset_index(drop=True)
    cells = table["cell"].to_numpy(dtype=np.uint64)
    frame = pd.DataFrame({"cell": cell_names(cells), "target": table["target"], "photos": table["photos"]})
    return gpd.GeoDataFrame(
        frame.join(table[sums]), geometry=cell_polygons(cells).to_numpy(), crs="EPSG:4326"
    )


def _cells(views: gpd.GeoDataFrame, resolution: int) -> np.ndarray:
    if "cell" in views:
        return parents(parse_cells(views["cell"]), resolution=resolution)
    return point_cells(views.geometry.representative_point(), resolution=resolution)
