"""What a model of building cover looks at in drone pictures of Kampala.

147 tiles of three zooms show seven places of 76 m each; polygons of OpenStreetMap say where the buildings
are. How much of each tile is built over is learned from random convolutional features, scored on places that
the model never saw, and explained: does the evidence for buildings lie on buildings?

Tiles of zoom 19 to 21 cover the same ground. Each tile stands at the centre of its place, the tile of zoom 19
that holds it, so that no split of points, blocks or regions can put one ground on both sides; only the random
split does, and shows what that is worth.

Run it: ``python examples/kampala.py [FOLDER] [--data ../shared/data/tiles_kampala]``. It writes a project and
runs it; three minutes on two cores. The tiles (OpenAerialMap, CC BY 4.0) and labels (OpenStreetMap, ODbL) are
not part of this project: without them it says so and stops.
"""

import argparse
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
import yaml
from rasterio.features import rasterize
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score

from geolivelihood import tables
from geolivelihood.explanation import zonal_sums
from geolivelihood.recipes import run_project
from geolivelihood.recipes.explanations import explain_project

COARSEST = 19
INDICATOR = "building_cover"


def main() -> None:
    options = read_options()
    if not (options.data / "labels.geojson").exists():
        print(
            f"Skipped: there are no tiles with labels.geojson in {options.data}. Name their folder by --data."
        )
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    tiles = tables.read_tiles(options.data, scheme="x-y-z").table
    buildings = merged_buildings(options.data / "labels.geojson")
    tiles["place"] = places(tiles)
    tiles[INDICATOR] = cover_percent(tiles, buildings)
    project = write_project(options.folder, tiles, options)
    result = run_project(project)
    explained = explain_project(project, methods=["signed_cam"])
    places_on_ground = gpd.read_file(options.folder / "places.geojson").rename(columns={"place": "region_id"})
    evidence = evidence_on_buildings(mosaic(explained.files), buildings, places_on_ground)
    evidence.to_csv(options.folder / "evidence.csv", index=False, float_format="%.4f")
    tell(result.table, evidence)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("out/kampala"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data/tiles_kampala"))
    parser.add_argument("--features", type=int, default=512, help="random convolutional features")
    parser.add_argument("--size", type=int, default=64, help="side in pixels that tiles are read at")
    parser.add_argument("--kernel", type=int, default=5, help="side in pixels of what a feature sees")
    return parser.parse_args()


def merged_buildings(path: Path) -> gpd.GeoSeries:
    """All buildings as one shape that does not count overlaps twice, in metres (UTM)."""
    labels = gpd.read_file(path)
    metric = labels.to_crs(labels.estimate_utm_crs())
    return gpd.GeoSeries([shapely.union_all(shapely.make_valid(metric.geometry.to_numpy()))], crs=metric.crs)


def cover_percent(tiles: gpd.GeoDataFrame, buildings: gpd.GeoSeries) -> np.ndarray:
    """Share of each tile's ground that is built over, in per cent."""
    ground = tiles.to_crs(buildings.crs).geometry.to_numpy()
    built = shapely.area(shapely.intersection(ground, buildings.iloc[0]))
    return 100 * built / shapely.area(ground)


def places(tiles: pd.DataFrame) -> pd.Series:
    """The tile of the coarsest zoom that holds each tile: ``19-309612-261632``."""
    finer = tiles["zoom"] - COARSEST
    x, y = (np.right_shift(tiles[name], finer) for name in ("tile_x", "tile_y"))
    return f"{COARSEST}-" + x.astype(str) + "-" + y.astype(str)


def write_project(folder: Path, tiles: gpd.GeoDataFrame, options: argparse.Namespace) -> Path:
    """Pictures, clusters (one per tile, at the centre of its place), places, and what is to be done."""
    pictures = tiles.assign(
        cluster_id=tiles["image_id"], path=[str(Path(p).resolve()) for p in tiles["path"]]
    )
    pictures = pictures[["image_id", "cluster_id", "path", "zoom", "tile_x", "tile_y", "geometry"]]
    pictures.to_file(folder / "tiles.gpkg", driver="GPKG")
    whole = tiles.loc[tiles["zoom"].eq(COARSEST), ["place", "geometry"]]
    whole.to_file(folder / "places.geojson")
    middle = whole.set_index("place").to_crs(whole.estimate_utm_crs()).centroid.to_crs("EPSG:4326")
    at = middle.reindex(tiles["place"])
    clusters = pd.DataFrame(
        {
            "cluster_id": tiles["image_id"],
            "place": tiles["place"],
            "zoom": tiles["zoom"],
            "longitude": at.x.to_numpy(),
            "latitude": at.y.to_numpy(),
            INDICATOR: tiles[INDICATOR],
        }
    )
    clusters.to_csv(folder / "clusters.csv", index=False, float_format="%.7f")
    path = folder / "project.yaml"
    path.write_text(yaml.safe_dump(settings(options), sort_keys=False), encoding="utf-8")
    return path


def settings(options: argparse.Namespace) -> dict:
    encoder = {
        "name": "rcf",
        "size": options.size,
        "options": {"n_features": options.features, "kernel": options.kernel},
    }
    return {
        "name": "kampala",
        "clusters": {"path": "clusters.csv", "indicators": [INDICATOR], "crs": "EPSG:4326"},
        "displacement": "none",
        "images": [
            {
                "name": "drone",
                "table": "tiles.gpkg",
                "encoder": encoder,
                "licence": "OpenAerialMap, CC BY 4.0",
            }
        ],
        "cells": {"resolution": 12, "extent": "data", "rings": 0},  # some 300 m², a tile of zoom 21
        "regions": {"path": "places.geojson", "name": "place", "id": "place"},
        "models": ["mean", "knn", "ridge"],
        "map_model": "ridge",
        # blocks of 50 m: every place is one of its own. Six of the seven lie side by side, so that no buffer
        # leaves anything to learn from
        "validation": {
            "folds": 5,
            "block_resolution": 11,
            "buffer_m": 0,
            "splits": ["random", "blocked", "region"],
            "regions": "regions",
        },
        "uncertainty": {"draws": 0, "range": {INDICATOR: [0, 100]}},
        "output": {"title": "Building cover, Kampala", "labels": {INDICATOR: "Building cover (%)"}},
        "licence": "Buildings: OpenStreetMap contributors, ODbL",
    }


def mosaic(files: list[Path]) -> Path:
    return next(file for file in files if file.suffix == ".tif" and file.name.startswith("mosaic_"))


def evidence_on_buildings(raster: Path, buildings: gpd.GeoSeries, places: gpd.GeoDataFrame) -> pd.DataFrame:
    """How much of what raised the prediction lies on buildings, beside their share of the ground, by place.

    The model was fitted to these tiles too: this asks what it goes by, not how well it does.
    """
    with rasterio.open(raster) as source:
        values, grid, crs = source.read(1), source.transform, source.crs
    built = rasterize(buildings.to_crs(crs), out_shape=values.shape, transform=grid).astype(bool)
    known = np.isfinite(values)
    kinds = gpd.GeoDataFrame({"class": ["building"]}, geometry=buildings.to_numpy(), crs=buildings.crs)
    sums = zonal_sums(raster, places, classes=kinds, class_column="class").table
    names = ["area_m2", "positive", "negative"]
    whole = sums.groupby("region_id")[names].sum()
    on = sums[sums["class"].eq("building")].set_index("region_id")[names].reindex(whole.index).fillna(0.0)
    whole.loc["all"], on.loc["all"] = whole.sum(), on.sum()
    shares = (on / whole).rename(columns={name: f"{name}_share" for name in names})
    shares["pixel_auc"] = np.where(shares.index == "all", roc_auc_score(built[known], values[known]), np.nan)
    return shares.rename_axis("place").reset_index()


def tell(scores: pd.DataFrame, evidence: pd.DataFrame) -> None:
    console = Console(width=110)
    r2 = scores.query("metric == 'r2'").pivot_table("value", "model", "split", sort=False)
    splits = [name for name in ("random", "blocked", "region") if name in r2]
    shown = Table("model", *splits, title="Building cover of tiles: R² out of fold", title_justify="left")
    for model, row in r2[splits].iterrows():
        shown.add_row(str(model), *(f"{value:.2f}" for value in row))
    console.print(shown)
    names = ["area_m2_share", "positive_share", "negative_share"]
    heads = ["place", "of the ground", "of what raises the prediction", "of what lowers it"]
    table = Table(*heads, title="Share that lies on buildings", title_justify="left")
    for _, row in evidence.iterrows():
        table.add_row(row["place"], *(f"{row[name]:.0%}" for name in names))
    console.print(table)
    auc = evidence.set_index("place").loc["all", "pixel_auc"]
    console.print(
        "A pixel on a building has a higher value than one beside it with probability "
        f"{auc:.2f} (chance: 0.50)."
    )


if __name__ == "__main__":
    main()
