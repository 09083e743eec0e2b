"""Cells: indexing points and drawing cells, against loops over h3's own functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness import Comparison

POINTS = 5_000_000
CELLS = 200_000
RESOLUTION = 7


def points() -> dict[str, Any]:
    import h3  # noqa: F401 - imports are no part of the timing

    import geolivelihood.cells  # noqa: F401

    rng = np.random.default_rng(0)
    return {"lon": rng.uniform(-180, 180, POINTS), "lat": np.degrees(np.arcsin(rng.uniform(-1, 1, POINTS)))}


def index_ours(data: dict[str, Any]) -> Any:
    from geolivelihood.cells import lonlat_cells

    return lonlat_cells(data["lon"], data["lat"], resolution=RESOLUTION)


def index_peer(data: dict[str, Any]) -> Any:
    import h3

    # Python floats are the faster input for h3; one point in five is enough to know the rate.
    lat, lon = data["lat"][: POINTS // 5].tolist(), data["lon"][: POINTS // 5].tolist()
    return [h3.latlng_to_cell(y, x, RESOLUTION) for y, x in zip(lat, lon)]


def cells() -> dict[str, Any]:
    import h3  # noqa: F401
    import shapely  # noqa: F401

    from geolivelihood.cells import cell_names, lonlat_cells

    rng = np.random.default_rng(0)
    # A continent: some cells of it cross no antimeridian, which is all that the loop can draw rightly.
    found = lonlat_cells(
        rng.uniform(10, 40, 2 * CELLS), rng.uniform(-20, 10, 2 * CELLS), resolution=RESOLUTION
    )
    unique = np.unique(found)[:CELLS]
    few = {"cells": unique[:5000], "names": cell_names(unique[:5000]).tolist()}
    (
        polygons_ours(few),
        polygons_peer(few),
    )  # what either side loads at its first call is no part of the timing
    return {"cells": unique, "names": cell_names(unique).tolist()}


def polygons_ours(data: dict[str, Any]) -> Any:
    from geolivelihood.cells import cell_polygons

    return cell_polygons(data["cells"])


def polygons_peer(data: dict[str, Any]) -> Any:
    import geopandas as gpd
    import h3
    from shapely import Polygon

    drawn = [Polygon([(x, y) for y, x in h3.cell_to_boundary(name)]) for name in data["names"][: CELLS // 5]]
    return gpd.GeoSeries(drawn, crs="EPSG:4326")


COMPARISONS = (
    Comparison(
        name="h3_index",
        what="index 5 M points to H3",
        against="a loop over h3.latlng_to_cell",
        goal=3,
        setup=points,
        ours=index_ours,
        peer=index_peer,
        peer_share=0.2,
    ),
    Comparison(
        name="h3_polygons",
        what="200 k cells to polygons",
        against="a loop over h3.cell_to_boundary",
        goal=5,
        setup=cells,
        ours=polygons_ours,
        peer=polygons_peer,
        peer_share=0.2,
    ),
)
