"""Tiny copies of published layouts: the real folders, names and columns, with a few pixels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from affine import Affine
from PIL import Image
from rasterio.transform import from_origin

SQUARES = [f"CRS3035RES200mN{2889600 + 200 * k}E{3760200 + 200 * (k % 3)}" for k in range(10)]
INCOMES = [12, 15, 18, 20, 21, 23, 26, 30, 38, 60]


def picture(path: Path, *, value: int = 90, zeros: int = 0, size: int = 10) -> Path:
    """A picture of one grey, whose first ``zeros`` pixels are black."""
    pixels = np.full((size * size, 3), value, dtype=np.uint8)
    pixels[:zeros] = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.reshape(size, size, 3)).save(path)
    return path


def geotiff(
    path: Path,
    *,
    origin: tuple[float, float] = (250_000, 9_860_000),
    crs: str | None = "EPSG:32637",
    bands: int = 1,
    size: int = 8,
    tags: Mapping[str, str] | None = None,
    transform: Affine | None = None,
) -> Path:
    """A GeoTIFF of 1 m pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grid = transform if transform is not None else from_origin(*origin, 1, 1)
    shape = {"height": size, "width": size, "count": bands, "dtype": "uint8"}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=grid, **shape) as target:
        target.write(np.arange(bands * size * size, dtype="uint8").reshape(bands, size, size))
        target.update_tags(**(tags or {}))
    return path


def income_squares(root: Path, *, column: str = "idINSPIRE", incomes: Sequence[object] = INCOMES) -> Path:
    """Ten squares near the Eiffel tower."""
    root.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame({column: SQUARES, "income": incomes})
    table.to_csv(root / "squares_to_ses_2019.csv", index=False)
    for name in SQUARES:
        picture(root / f"FR_URBANATLAS_200m_{name}.png")
    return root


def income_splits(root: Path) -> Path:
    """Split files beside the squares: an index column, six, two and two squares."""
    rows = {"train": range(6), "val": range(6, 8), "test": range(8, 10)}
    for name, chosen in rows.items():
        table = pd.DataFrame(
            {
                "idINSPIRE": [SQUARES[k] for k in chosen],
                "image_path": [f"FR_URBANATLAS_200m_{SQUARES[k]}.png" for k in chosen],
                "income": [INCOMES[k] for k in chosen],
                "income_class": [k // 2 for k in chosen],
            }
        )
        table.to_csv(root / f"{name}.csv")
    return root


def liveability(root: Path, *, crs: str | None = None, centres: Sequence[tuple[float, float]] = ()) -> Path:
    """Four cells of two regions; the file claims to be in degrees, as GeoJSON does by default."""
    centres = centres or [(121834.7, 487266.2), (121950, 487250), (155050, 463050), (155150, 463050)]
    scores = ("rlbrmtr", "rlbbev", "rlbfys", "rlbvei", "rlbvrz", "rlbwon")
    frame = gpd.GeoDataFrame(
        {
            "gridcode": [f"E{int(x // 100):04d}N{int(y // 100):04d}" for x, y in centres],
            "region_name": ["Amsterdam", "Amsterdam", "Amersfoort", "Amersfoort"][: len(centres)],
            "split": ["train", "val", "test", "train"][: len(centres)],
            **{name: [str(4.0 + k / 10) for k in range(len(centres))] for name in scores},
            "population": range(len(centres)),
        },
        geometry=shapely.buffer(shapely.points(np.array(centres)), 10, cap_style="square"),
    )
    root.mkdir(parents=True, exist_ok=True)
    write_geojson(root / "grid_geosplit_not_rescaled.geojson", frame, crs)
    for code, region in zip(frame["gridcode"], frame["region_name"]):
        geotiff(root / region / f"{code}.tiff", crs="EPSG:28992", bands=3)
    return root


def write_geojson(path: Path, frame: gpd.GeoDataFrame, crs: str | None = None) -> None:
    """Coordinates as they are, which no library that knows GeoJSON would write."""
    content = json.loads(frame.to_json(to_wgs84=False, drop_id=True))
    content.pop("crs", None)
    if crs is not None:
        content["crs"] = {"type": "name", "properties": {"name": crs}}
    path.write_text(json.dumps(content))


def geoimagenet(root: Path, rows: Sequence[Sequence[object]] = (), *, pictures: bool = True) -> Path:
    """Photos in Nairobi, Suva and Paris, and one without coordinates."""
    rows = rows or [
        ("n01440764_1", -1.29, 36.82, "Nairobi", "Kenya", "Nairobi Area", ""),
        ("n01440764_2", -18.14, 178.44, "Suva, Centre", "Fiji", "Central", "Rewa"),
        ("n01443537_3", 48.86, 2.35, "Paris", "France", "Île-de-France", "Paris"),
        ("n01443537_4", -1000, -1000, "", "", "", ""),
    ]
    root.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(root / "metadata.csv", index=False, header=False)
    for k, row in enumerate(rows if pictures else ()):
        split = "test" if k % 3 == 2 else "train"
        picture(root / split / str(row[0]).partition("_")[0] / f"{row[0]}.jpg")
    return root
