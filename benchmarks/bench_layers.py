"""Writing a styled GeoPackage against a plain one."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from benchmarks.harness import Comparison
from geolivelihood.layers import write_geopackage

POINTS = int(os.environ.get("BENCH_LAYERS_POINTS", "1000000"))


def setup() -> tuple[gpd.GeoDataFrame, Path]:
    rng = np.random.default_rng(0)
    frame = gpd.GeoDataFrame(
        {
            "cluster_id": pd.array([f"c{number:07d}" for number in range(POINTS)], dtype="str"),
            "wealth": rng.normal(size=POINTS),
            "wealth_predicted": rng.normal(size=POINTS),
            "urban": rng.random(POINTS) > 0.5,
        },
        geometry=shapely.points(rng.uniform(28, 31, POINTS), rng.uniform(-3, -1, POINTS)),
        crs="EPSG:4326",
    )
    return frame, Path(tempfile.mkdtemp(prefix="bench_layers_"))


def styled(data: tuple[gpd.GeoDataFrame, Path]) -> None:
    frame, folder = data
    write_geopackage(folder / "styled.gpkg", {"clusters": frame}, provenance={"command": "bench"})
    shutil.rmtree(folder)


def plain(data: tuple[gpd.GeoDataFrame, Path]) -> None:
    frame, folder = data
    frame.to_file(folder / "plain.gpkg", driver="GPKG", layer="clusters")
    shutil.rmtree(folder)


COMPARISONS = (
    Comparison(
        name="styled_geopackage",
        what=f"write {POINTS:,} points to a styled GeoPackage",
        against="plain GeoDataFrame.to_file",
        goal=1.15,
        goal_is_most=True,
        setup=setup,
        ours=styled,
        peer=plain,
    ),
)
