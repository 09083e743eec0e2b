"""fMoW's side-cars: a JSON file per picture that says when, from where and of what it was taken.

Each has ``timestamp``, ``sensor_platform_name``, ``raw_location`` (WKT, longitude/latitude), ``epsg``,
``gsd``, ``cloud_cover``, ``country_code``, ``utm``, ``img_width``, ``img_height`` and ``bounding_boxes``:
``box`` (left, top, width, height in pixels), ``category`` and for some a ``raw_location`` of their own
[1]_. Coordinates were left out of the files of the challenge and came with its ground truth.

References
----------
.. [1] Christie et al. (2018), "Functional Map of the World", CVPR, arXiv 1711.07846.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geolivelihood.progress import track
from geolivelihood.tables.footprints import cut_at_antimeridian, unfolded

__all__ = ["read_sidecars", "sidecar_paths"]

_TEXTS = {
    "timestamp": "captured_at",
    "sensor_platform_name": "platform",
    "country_code": "country",
    "utm": "utm",
}
_NUMBERS = ("gsd", "cloud_cover")
_HUGE = 1e12
_LOCATIONS = ("raw_location", "polygon")
_DEGREES = ("None", "", "4326", "EPSG:4326")


def sidecar_paths(
    pictures: pd.Series, stems: pd.Series, folders: pd.Series, *, metadata: Path | None
) -> pd.Series:
    """The side-car of each picture; missing where there is none.

    Parameters
    ----------
    pictures
        Paths of the pictures.
    stems
        Stem of the whole picture, which the side-car bears.
    folders
        Folder of each picture within the collection: ``train/airport/airport_0``.
    metadata
        Folder of side-cars in the layout of the collection, with or without its splits; they count more
        than those beside the pictures. ``None`` looks beside the pictures only.
    """
    found: list[str | None] = []
    for picture, stem, folder in zip(pictures, stems, folders):  # the disk is asked file by file
        places = [Path(picture).parent]
        if metadata is not None:  # before those of the challenge, which lie beside and have no coordinates
            places = [metadata / folder, metadata / Path(*Path(folder).parts[-2:]), *places]
        files = (place / f"{stem}.json" for place in places)
        found.append(next((str(file) for file in files if file.is_file()), None))
    return pd.Series(found, index=pictures.index, dtype="object")


def read_sidecars(paths: pd.Series, boxes: pd.Series) -> tuple[pd.DataFrame, pd.Series]:
    """What the side-cars say of each picture, and why some cannot be used.

    Parameters
    ----------
    paths
        Side-car of each picture.
    boxes
        Index of the box that was cropped; NA for a whole picture.

    Returns
    -------
    tuple
        ``captured_at`` (as written), ``platform, gsd, cloud_cover, country, utm, category`` and ``geometry``
        (polygon in EPSG:4326 cut at the antimeridian; ``None`` without coordinates); and the reason of each
        picture whose side-car is damaged, missing for the others. Index as given.
    """
    records: list[dict[str, Any]] = []
    last: tuple[str, dict[str, Any] | str] = ("", "")
    order = np.argsort(paths.to_numpy(dtype=str), kind="stable")  # crops of one picture follow each other
    # one side-car at a time is how files are opened
    for path, box in track(list(zip(paths.iloc[order], boxes.iloc[order])), "reading fMoW side-cars"):
        if path != last[0]:
            last = (path, _content(Path(path)))
        content = last[1]
        records.append({"fault": content} if isinstance(content, str) else _record(content, box))
    columns = [*_TEXTS.values(), *_NUMBERS, "category", "wkt", "frame", "fault"]
    table = pd.DataFrame(records, index=paths.index[order], columns=columns).reindex(paths.index)
    table["geometry"] = _polygons(table)
    lost = table["wkt"].notna() & table["geometry"].isna() & table["fault"].isna()
    faults = table["fault"].mask(lost, "its raw_location is no polygon")
    return table.drop(columns=["wkt", "frame", "fault"]), faults


def _content(path: Path) -> dict[str, Any] | str:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        return f"its side-car cannot be read: {error}"
    return content if isinstance(content, dict) else "its side-car holds no JSON object"


def _record(content: Mapping[str, Any], box: Any) -> dict[str, Any]:
    record: dict[str, Any] = {ours: _text(content.get(name)) for name, ours in _TEXTS.items()}
    record |= {name: _number(content.get(name)) for name in _NUMBERS}
    boxes = content.get("bounding_boxes")
    boxes = [entry for entry in boxes if isinstance(entry, dict)] if isinstance(boxes, list) else []
    if str(content.get("epsg")) not in _DEGREES:
        return record | {"fault": f"its side-car is in EPSG:{content['epsg']}, not in 4326 as published"}
    whole = _location(content)
    if pd.isna(box):
        return record | {"wkt": whole, "category": _text(boxes[0].get("category")) if boxes else None}
    if int(box) >= len(boxes):
        return record | {"fault": f"its side-car has no box {int(box)}: it has {len(boxes)}"}
    chosen = boxes[int(box)]
    own = _location(chosen)
    frame = None if own is not None else _share(chosen.get("box"), content)
    return record | {"wkt": own or whole, "frame": frame, "category": _text(chosen.get("category"))}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _number(value: Any) -> float | None:
    """The value where it is a finite number, else ``None``: what a picture can be used without."""
    return float(value) if _are_numbers([value], 1) else None


def _location(entry: Mapping[str, Any]) -> str | None:
    texts = (entry.get(name) for name in _LOCATIONS)
    return next((text for text in texts if isinstance(text, str) and text.strip()), None)


def _share(box: Any, content: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    """A box as shares of the picture (left, top, right, bottom); ``None`` leaves the whole picture."""
    size: list[Any] = [content.get("img_width"), content.get("img_height")]
    if not (_are_numbers(box, 4) and _are_numbers(size, 2) and min(size) > 0):
        return None
    left, top, width, height = box
    share = np.array([left, top, left + width, top + height], dtype=float) / np.array(size * 2, dtype=float)
    x0, y0, x1, y1 = np.clip(share, 0, 1).tolist()
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _are_numbers(values: Any, count: int) -> bool:
    return (
        isinstance(values, Sequence)
        and len(values) == count
        and all(isinstance(value, int | float) and abs(value) < _HUGE for value in values)  # NaN is not
    )


def _polygons(table: pd.DataFrame) -> np.ndarray:
    """Footprints; boxes in pixels are cut out of the picture, whose rows and columns run along degrees."""
    texts = [text if isinstance(text, str) else None for text in table["wkt"]]
    with np.errstate(invalid="ignore"):  # of a NaN in the text, which is then no polygon
        read = shapely.from_wkt(texts, on_invalid="ignore")
    shapes: npt.NDArray[np.object_] = np.array(read, dtype=object)
    shapes[~np.isin(shapely.get_type_id(shapes), (3, 6))] = None
    bounds = shapely.bounds(shapes)
    finite, across = np.isfinite(bounds).all(axis=1), bounds[:, 2] - bounds[:, 0] > 180
    shapes[across] = unfolded(shapes[across])
    framed = np.flatnonzero(table["frame"].notna().to_numpy() & finite)
    if len(framed):
        west, south, east, north = shapely.bounds(shapes[framed]).T
        left, top, right, bottom = np.array(table["frame"].iloc[framed].tolist(), dtype=float).T
        wide, high = east - west, north - south
        shapes[framed] = shapely.box(
            west + left * wide, north - bottom * high, west + right * wide, north - top * high
        )
    shapes[across] = cut_at_antimeridian(shapes[across])
    return shapes
