"""Write a small results GeoPackage with the library; runs in the worker's Python, outside QGIS.

``python make_results.py TARGET.gpkg [evidence] [two]``; with evidence, layers of explanations come with it,
with two, cells have a second indicator
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


def main(target, *, evidence=False, two=False):
    random = np.random.default_rng(0)
    west, south, east, north = 32.0, 0.0, 33.0, 1.0
    halves = [box(west, south, 32.5, north), box(32.5, south, east, north)]
    regions = frame({"region_id": ["w", "e"], "name": ["West <&>", "East é"]}, halves)
    found = np.unique(h3cells.polygon_cells(regions, resolution=6)[1])
    cells = pd.DataFrame(
        {"wealth": wealth(h3cells.cell_points(found)).to_numpy()}, pd.Index(found, name="cell")
    )
    cells = cells.assign(wealth_lower=cells["wealth"] - 0.4, wealth_upper=cells["wealth"] + 0.4)
    if two:
        cells = cells.assign(
            water=-cells["wealth"], water_lower=-cells["wealth_upper"], water_upper=-cells["wealth_lower"]
        )
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

    provenance = {"run_id": "test", "time": "2026-01-01T00:00:00Z"}
    if evidence:
        images["cell"] = h3cells.cell_names(h3cells.point_cells(images, resolution=6))
        images["license"], images["creator"] = "CC0-1.0", "walker"
        cells["applicable"], cells["dissimilarity"] = [i % 7 > 0 for i in range(len(cells))], 0.4
        provenance |= EVIDENCE_PROVENANCE
    frames = (clusters, images, edges, views, cells, regions, rejected)
    listed = [
        {"name": name, "title": title, "group": group, "order": order}
        for order, (name, title, group) in enumerate(LAYERS)
    ]
    layers = {layer["name"]: made for layer, made in zip(listed, frames)}
    if evidence:
        layers |= explanations(cells, regions)
    write_geopackage(target, layers, indicators=["wealth"], provenance=provenance | {"layers": listed})


EVIDENCE_PROVENANCE = {
    "command": "geolivelihood run island.yaml",
    "configuration": {
        "map_model": "ridge",
        "uncertainty": {"coverage": 0.9},
        "output": {"labels": {"wealth": "Wealth index (standard deviations)"}},
    },
    "scores": [
        {"model": "mean", "split": "blocked", "indicator": "wealth", "metric": "r2", "value": -0.1, "n": 60},
        {"model": "ridge", "split": "blocked", "indicator": "wealth", "metric": "r2", "value": 0.4, "n": 60},
    ],
}


def explanations(cells, regions):
    """Evidence of the cells, as the library writes it: half of them have it."""
    polygons = h3cells.cell_polygons(cells.index[::2].to_numpy())
    told = {"method": "signed_cam", "model": "ridge", "target": "wealth"}
    names = h3cells.cell_names(polygons.index.to_numpy())
    concepts = [
        frame(
            {"cell": names, "name": name, "value": value, "lower": low, "upper": high, "significant": sure},
            polygons,
        ).assign(**told)
        for name, value, low, high, sure in (
            ("dense", 0.3, 0.1, 0.5, True),
            ("empty", -0.1, -0.3, 0.1, False),
        )
    ]
    zonal = frame({"cell": polygons.index, "positive": 2.0, "negative": -0.5, "sum": 1.5}, polygons)
    whole = frame({"region_id": regions["region_id"], "positive": 9.0, "sum": 9.0}, regions.geometry)
    rasters = frame({"cell": names, "image_id": names, "kind": "signed_cam"}, polygons)
    return {
        "explanations_concepts": pd.concat(concepts, ignore_index=True),
        "explanations_zonal": pd.concat([zonal, whole], ignore_index=True).assign(**told, source="tiles"),
        "explanations_rasters": rasters.assign(path="explanations/mosaic.tif", **told),
    }


def wedge(point, heading, reach=0.004):
    angles = np.radians(heading + np.linspace(-30, 30, 7))
    rim = [(point.x + reach * np.sin(a), point.y + reach * np.cos(a)) for a in angles]
    return Polygon([(point.x, point.y), *rim])


if __name__ == "__main__":
    main(sys.argv[1], evidence="evidence" in sys.argv[2:], two="two" in sys.argv[2:])
