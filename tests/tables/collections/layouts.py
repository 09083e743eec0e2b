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


def ring(west: float, south: float, side: float = 0.01) -> str:
    """A square as WKT."""
    east, north = west + side, south + side
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return f"POLYGON (({', '.join(f'{x} {y}' for x, y in corners)}))"


def sidecar(place: tuple[float, float], *, date: str = "2014-05-06T07:08:09Z", **changes: object) -> dict:
    """What a side-car says: a picture of 100 x 100 pixels with a box that has a ring and one in pixels."""
    west, south = place
    content = {
        "gsd": 0.5,
        "img_width": 100,
        "img_height": 100,
        "cloud_cover": 3,
        "country_code": "KEN",
        "utm": "37M",
        "epsg": "4326",
        "spatial_reference": "GCS_WGS_1984",
        "timestamp": date,
        "sensor_platform_name": "GEOEYE01",
        "raw_location": ring(west, south),
        "bounding_boxes": [
            {
                "ID": -1,
                "category": "airport",
                "box": [0, 0, 50, 50],
                "raw_location": ring(west, south, 0.005),
            },
            {"ID": 4711, "category": "airport", "box": [50, 0, 50, 20], "visible": "True"},
        ],
    }
    return content | changes


PLACES = {"airport_0": (36.8, -1.3), "airport_1": (178.44, -18.15), "zoo_0": (2.3, 48.8)}


def fmow(root: Path, *, endings: Sequence[str] = ("rgb.jpg", "msrgb.jpg"), sidecars: bool = True) -> Path:
    """Three places of two categories, two visits each, in train and (other places) in val."""
    for split, shift in (("train", 0.0), ("val", 1.0)):
        for place, (west, south) in PLACES.items():
            folder = root / split / place.rpartition("_")[0] / place
            for visit in (0, 3):
                for ending in endings:
                    path = folder / f"{place}_{visit}_{ending}"
                    geotiff(path) if path.suffix == ".tif" else picture(path, size=4)
                    content = sidecar((west + shift, south), date=f"201{visit}-05-06T07:08:09Z")
                    if sidecars:
                        path.with_suffix(".json").write_text(json.dumps(content))
    return root


def fmow_crops(root: Path, *, metadata: Path | None = None) -> Path:
    """Two boxes at two visits of each place; side-cars of the whole pictures go to ``metadata``."""
    for place, position in PLACES.items():
        inner = Path("train", place.rpartition("_")[0], place)
        for visit in (0, 3):
            for box in (0, 1):
                picture(root / inner / f"{place}_{visit}_rgb_crop_{box}.jpg", size=4)
            if metadata is not None:
                (metadata / inner).mkdir(parents=True, exist_ok=True)
                (metadata / inner / f"{place}_{visit}_rgb.json").write_text(json.dumps(sidecar(position)))
    return root


def flair(root: Path, *, aerial: str = "flair_aerial_train", labels: str = "flair_labels_train") -> Path:
    """Three patches of two zones and domains with their masks."""
    patches = {"D004_2021/Z1_NN": [1, 2], "D012_2019/Z3_UF": [3]}
    for zone, numbers in patches.items():
        for number in numbers:
            at = (700_000 + 2000 * number, 6_600_000)
            picture = root / aerial / zone / "img" / f"IMG_{number:06d}.tif"
            geotiff(picture, origin=at, crs="EPSG:2154", bands=5)
            mask = root / labels / zone / "msk" / f"MSK_{number:06d}.tif"
            geotiff(mask, origin=at, crs="EPSG:2154")
    return root


def flair_metadata(path: Path, **changes: object) -> Path:
    """What the metadata of the patches say; ``changes`` by the patch's name."""
    known = {
        f"IMG_{number:06d}": {"date": f"2021-06-0{number}", "time": "10h30", "camera": "UCE-M3"}
        for number in (1, 2, 3)
    }
    path.write_text(json.dumps(known | changes))
    return path
