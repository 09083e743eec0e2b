"""Write a small results GeoPackage with the library; runs in the worker's Python, outside QGIS.

``python make_results.py TARGET.gpkg``
"""

import itertools
import sys

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely import LineString, Point, Polygon, box

from geolivelihood import cells as h3cells
from geolivelihood.layers import write_geopackage

LAYERS = (
    ("clusters", "Survey clusters", "Survey"),
    ("images", "Pictures", "Pictures"),
    ("edges", "Links between pictures", "Pictures"),
    ("explanations_views", "What the photos see", "Pictures"),
    ("cells", "Cells", "Map"),
    ("regions", "Regions", "Map"),
    ("rejected", "Set aside", "Tables"),
)


def wealth(points):
    """A smooth invented field."""
    return np.sin(points.x * 9) + np.cos(points.y * 7)


def frame(columns, geometry):
    return gpd.GeoDataFrame(columns, geometry=list(geometry), crs="EPSG:4326")


def main(target):
    random = np.random.default_rng(0)
    west, south, east, north = 32.0, 0.0, 33.0, 1.0
    halves = [box(west, south, 32.5, north), box(32.5, south, east, north)]
    regions = frame({"region_id": ["w", "e"], "name": ["West <&>", "East é"]}, halves)
    found = np.unique(h3cells.polygon_cells(regions, resolution=6)[1])
    cells = pd.DataFrame(
        {"wealth": wealth(h3cells.cell_points(found)).to_numpy()}, pd.Index(found, name="cell")
    )
    cells = cells.assign(wealth_lower=cells["wealth"] - 0.4, wealth_upper=cells["wealth"] + 0.4)
    regions["wealth"] = [0.2, 0.9]

    points = [Point(*xy) for xy in random.uniform((west, south), (east, north), (60, 2))]
    clusters = frame(
        {"cluster_id": [f"c{i}" for i in range(60)], "urban": [i % 3 == 0 for i in range(60)]}, points
    )
    clusters["wealth"] = wealth(clusters.geometry) + random.normal(0, 0.2, 60)
    clusters["wealth_predicted"] = wealth(clusters.geometry)

    spots = [Point(32.3 + 0.4 * i / 80, 0.4 + 0.1 * np.sin(i)) for i in range(80)]
    heading = random.uniform(0, 360, 80)
    names = [f"p{i}" for i in range(80)]
    taken = pd.date_range("2024-01-01", periods=80, freq="D", tz="UTC")
    images = frame({"image_id": names, "path": [f"{n}.jpg" for n in names], "kind": "street"}, spots)
    images = images.assign(heading=heading, captured_at=taken)
    edges = frame(
        {"source": names[:-1], "target": names[1:], "weight": 1.0},
        [LineString(pair) for pair in itertools.pairwise(spots)],
    )
    views = frame(
        {"image_id": names, "heading": heading, "fov": 60.0, "range_m": 25.0}, map(wedge, spots, heading)
    )
    rejected = pd.DataFrame({"row": ["7"], "column": ["geometry"], "reason": ["(0, 0) is no position"]})

    frames = (clusters, images, edges, views, cells, regions, rejected)
    listed = [
        {"name": name, "title": title, "group": group, "order": order}
        for order, (name, title, group) in enumerate(LAYERS)
    ]
    write_geopackage(
        target,
        {layer["name"]: made for layer, made in zip(listed, frames)},
        indicators=["wealth"],
        provenance={"run_id": "test", "layers": listed, "time": "2026-01-01T00:00:00Z"},
    )


def wedge(point, heading, reach=0.004):
    angles = np.radians(heading + np.linspace(-30, 30, 7))
    rim = [(point.x + reach * np.sin(a), point.y + reach * np.cos(a)) for a in angles]
    return Polygon([(point.x, point.y), *rim])


if __name__ == "__main__":
    main(sys.argv[1])
