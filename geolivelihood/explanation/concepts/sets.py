"""Concept sets: which pictures show what, from folders, class masks, or the polygons of any layer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio
import shapely
from rasterio.errors import RasterioError

from geolivelihood.cells.index import to_wgs84
from geolivelihood.cells.polygons import cut_polygons, polygon_areas, valid_polygons
from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.progress import track
from geolivelihood.tables.collections.flair import flair_image_path

__all__ = [
    "class_shares",
    "concept_folders",
    "concepts_by_shares",
    "flair_images",
    "flair_rules",
    "polygon_shares",
]

_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})
_RULES = ("concept", "classes", "at_least", "at_most")
# Folder, label and colour are the published ones; the thresholds are ours, since those were not released.
_FLAIR = (
    ("original_water", "water", "blue", "5", 0.5, 1.0),
    ("vegetation_wo10", "vegetation", "green", "6+7+8", 0.6, 1.0),
    ("agriculture", "agriculture", "khaki", "9+11+12", 0.6, 1.0),
    ("city_sparse", "sparse residential", "violet", "1", 0.05, 0.15),
    ("city_sparse", "sparse residential", "violet", "1+3", 0.10, 0.40),
    ("city_medium", "medium residential", "mediumvioletred", "1", 0.15, 0.30),
    ("city_medium", "medium residential", "mediumvioletred", "1+3", 0.30, 0.70),
    ("city_dense", "dense residential", "coral", "1", 0.30, 1.0),
    ("city_dense", "dense residential", "coral", "1+3", 0.60, 1.0),
    ("impervious_surface", "impervious", "gray", "3", 0.5, 1.0),
    ("impervious_surface", "impervious", "gray", "1", 0.0, 0.10),
)


def concept_folders(root: str | os.PathLike[str], *, others: str | None = None) -> pd.DataFrame:
    """Concept sets from a folder of folders, one per concept.

    Parameters
    ----------
    root
        Folder whose subfolders are named like concepts and hold pictures, at any depth.
    others
        Subfolder with pictures of no concept; its rows bear the concept ``""``.

    Returns
    -------
    pandas.DataFrame
        ``concept, image_id`` (path below ``root`` without suffix), ``path, zone`` (the picture's own folder),
        sorted by path.

    Raises
    ------
    InputError
        If the folder is missing, has no subfolder with pictures, or ``others`` is none of them.
    """
    base = Path(root)
    if not base.is_dir():
        msg = f"{base} is no folder. Give one that holds a folder of pictures per concept."
        raise InputError(msg)
    files = sorted(path for path in base.rglob("*") if path.suffix.lower() in _PICTURES and path.is_file())
    inner = [(path, path.relative_to(base)) for path in files]
    rows = [(part.parts[0], path, part) for path, part in inner if len(part.parts) > 1]
    if not rows:
        msg = f"{base} has no folder with pictures ({', '.join(sorted(_PICTURES))}): one per concept."
        raise InputError(msg)
    names = {name for name, _, _ in rows}
    if others is not None and others not in names:
        msg = f"others={others!r}: {base} has the folders {', '.join(sorted(names))}."
        raise InputError(msg)
    return pd.DataFrame(
        {
            "concept": ["" if name == others else name for name, _, _ in rows],
            "image_id": [part.with_suffix("").as_posix() for _, _, part in rows],
            "path": [str(path) for _, path, _ in rows],
            "zone": [part.parent.as_posix() for _, _, part in rows],
        }
    )


def class_shares(
    masks: Iterable[str | os.PathLike[str]],
    *,
    band: int = 1,
    on_rejected: Callable[[pd.DataFrame], None] | None = None,
) -> pd.DataFrame:
    """Share of each class in the area of each mask.

    Parameters
    ----------
    masks
        Raster files of class ids (whole numbers from 0), such as FLAIR's.
    band
        Band that holds them.
    on_rejected
        Called with ``row`` (the path), ``column, reason`` of the masks that cannot be read, which are left
        out. ``None``: the first one raises.

    Returns
    -------
    pandas.DataFrame
        Index ``path``, one column per class id that occurs, shares of *all* pixels.

    Raises
    ------
    InputError
        If a mask cannot be read or holds no class ids.
    """
    paths = [os.fspath(path) for path in masks]
    found: dict[str, npt.NDArray[np.int64]] = {}
    bad: list[tuple[str, str, str]] = []
    for path in track(paths, "reading class masks"):  # one file at a time is how files are opened
        try:
            found[path] = _counts(path, band)
        except InputError as error:
            if on_rejected is None:
                raise
            bad.append((path, "path", str(error)))
    if bad and on_rejected is not None:
        on_rejected(pd.DataFrame(bad, columns=["row", "column", "reason"]))
    width = max(map(len, found.values()), default=0)
    counts = np.array([np.pad(row, (0, width - len(row))) for row in found.values()]).reshape(-1, width)
    whole = counts.sum(axis=1, keepdims=True)
    seen = np.flatnonzero(counts.any(axis=0))
    return pd.DataFrame((counts / whole)[:, seen], index=pd.Index(list(found), name="path"), columns=seen)


def polygon_shares(images: gpd.GeoDataFrame, polygons: gpd.GeoDataFrame, *, column: str) -> pd.DataFrame:
    """Share of each class of polygons in the ground that each overhead picture shows.

    Parameters
    ----------
    images
        Overhead pictures with ``image_id`` and footprint polygons, any CRS (``read_tiles``,
        ``read_geotiffs``, ``chip_table``).
    polygons
        Any layer of polygons, any CRS. Polygons of one class may overlap; the ground counts once.
    column
        Column of ``polygons`` that names the class.

    Returns
    -------
    pandas.DataFrame
        Index ``image_id``, one column per class, 0 where a picture shows none of it.

    Raises
    ------
    MissingColumnError
        If ``image_id`` or the class column is missing.
    MissingCRSError
        If a table has no CRS.
    InputError
        If a picture has no footprint polygon.
    """
    for table, name, what in ((images, "image_id", "images"), (polygons, column, "polygons")):
        if name not in table:
            msg = f"The {what} have no column {name!r}; they have {', '.join(map(str, table.columns))}."
            raise MissingColumnError(msg)
    ids = pd.Index(images["image_id"], name="image_id")
    footprints = _surfaces(images, "pictures have no footprint polygon", whole=True)
    shapes = _surfaces(polygons, "", whole=False)
    names, code = np.unique(polygons[column].astype(str).to_numpy(), return_inverse=True)
    row, other = shapely.STRtree(shapes).query(footprints, predicate="intersects")
    pieces = shapely.intersection(footprints[row], shapes[other])
    shares = np.zeros((len(ids), len(names)))
    group = row * len(names) + code[other]
    once, first, count = np.unique(group, return_index=True, return_counts=True)
    joined = pieces[first]
    several = np.flatnonzero(count > 1)
    if len(several):
        order = np.argsort(group, kind="stable")
        parts = np.split(pieces[order], np.cumsum(count)[:-1])
        # overlaps must count once, and only shapely can tell; one step per picture and class with several
        joined[several] = [shapely.union_all(parts[k]) for k in several]
    area = polygon_areas(footprints)
    shares.flat[once] = polygon_areas(joined) / area[once // len(names)]
    return pd.DataFrame(np.clip(shares, 0, 1), index=ids, columns=names)


def concepts_by_shares(shares: pd.DataFrame, rules: pd.DataFrame) -> pd.DataFrame:
    """Which rows qualify for which concept: for all rules of it, at_least ≤ Σ shares of classes ≤ at_most.

    Parameters
    ----------
    shares
        One row per picture or mask, one column per class (:func:`class_shares`, :func:`polygon_shares`).
    rules
        ``concept, classes`` (joined by ``+``: ``"1+3"``), ``at_least, at_most``; several rows of a concept
        must hold together. :func:`flair_rules` is an example, made to be edited.

    Returns
    -------
    pandas.DataFrame
        ``concept`` and the index of ``shares``, in the order of the rules. A class that does not occur has
        share 0. A row may qualify for several concepts, and for none.

    Raises
    ------
    MissingColumnError
        If ``rules`` lacks a column.
    InputError
        If limits are not within 0 and 1.
    """
    missing = [name for name in _RULES if name not in rules]
    if missing:
        msg = f"The rules have no column {', '.join(missing)}; they need {', '.join(_RULES)}."
        raise MissingColumnError(msg)
    wrong = rules[
        ~((rules["at_least"] >= 0) & (rules["at_least"] <= rules["at_most"]) & (rules["at_most"] <= 1))
    ]
    if len(wrong):
        line = wrong.iloc[0]
        msg = (
            f"The rule of {line['concept']!r} asks for {line['at_least']} to {line['at_most']}; shares lie "
            "between 0 and 1, the smaller first."
        )
        raise InputError(msg)
    known = shares.rename(columns=str)
    holds: dict[str, npt.NDArray[np.bool_]] = {}
    for rule in rules.itertuples(index=False):  # a handful of rules
        classes = [part.strip() for part in str(rule.classes).split("+")]
        total = known.reindex(columns=classes, fill_value=0.0).sum(axis=1).to_numpy()
        # shares are sums of fractions: a limit must not fail by a rounding error
        fits = (total >= rule.at_least - 1e-9) & (total <= rule.at_most + 1e-9)
        name = str(rule.concept)
        holds[name] = fits & holds.get(name, np.True_)
    found = [shares.index[fits].to_frame(index=False).assign(concept=name) for name, fits in holds.items()]
    table = pd.concat(found, ignore_index=True)
    return table[["concept", *(name for name in table if name != "concept")]]


def flair_rules() -> pd.DataFrame:
    """Seven concepts over FLAIR's classes, as a table to save, edit and read back.

    Names, labels and colours are those of Obadic et al. (2024). Their thresholds were not released; these are
    ours. Class ids: 1 building, 2 pervious, 3 impervious, 4 bare soil, 5 water, 6 coniferous, 7 deciduous,
    8 brushwood, 9 vineyard, 10 herbaceous, 11 agricultural, 12 ploughed, then minor ones up to 19.

    Returns
    -------
    pandas.DataFrame
        ``concept, label, colour, classes, at_least, at_most``.
    """
    return pd.DataFrame(_FLAIR, columns=["concept", "label", "colour", "classes", "at_least", "at_most"])


def flair_images(masks: Sequence[str | os.PathLike[str]]) -> pd.DataFrame:
    """The picture of each FLAIR mask, by the data set's naming, and the zone that both belong to.

    Parameters
    ----------
    masks
        Paths such as ``labels/D004/Z1_NN/msk/MSK_000001.tif``.

    Returns
    -------
    pandas.DataFrame
        Index as given: ``image_id`` (file name without suffix), ``path`` (its first three bands are red,
        green and blue), ``zone`` (the folder above, to be held out whole).

    Examples
    --------
    >>> flair_images(["labels/D004/Z1_NN/msk/MSK_000001.tif"]).iloc[0].tolist()
    ['IMG_000001', 'aerial/D004/Z1_NN/img/IMG_000001.tif', 'D004/Z1_NN']
    """
    given = [os.fspath(path) for path in masks]
    paths = [flair_image_path(path) for path in given]
    folders = [Path(path).parent.parent for path in given]
    return pd.DataFrame(
        {
            "image_id": [Path(path).stem for path in paths],
            "path": paths,
            "zone": ["/".join(folder.parts[-2:]) for folder in folders],
        },
        index=pd.Index(given, name="mask"),
    )


def _counts(path: str, band: int) -> npt.NDArray[np.int64]:
    try:
        with rasterio.open(path) as source:
            values = source.read(band)
    except (RasterioError, OSError, IndexError) as error:
        msg = f"{path} cannot be read as a class mask: {error}"
        raise InputError(msg) from error
    if (
        values.dtype.kind not in "ui"
        or (values.dtype.kind == "i" and values.min() < 0)
        or values.max() > 65535
    ):
        msg = f"{path} holds {values.dtype} from {values.min()} to {values.max()}; class ids are 0 to 65535."
        raise InputError(msg)
    return np.bincount(values.reshape(-1))


def _surfaces(table: gpd.GeoDataFrame, fault: str, *, whole: bool) -> npt.NDArray[np.object_]:
    geometry = to_wgs84(table)
    values = geometry.to_numpy()
    flat = np.isin(shapely.get_type_id(values), (3, 6)) & ~shapely.is_empty(values)
    if whole and not flat.all():
        some = ", ".join(map(str, table.loc[~flat, "image_id"][:5]))
        msg = f"{(~flat).sum()} {fault} ({some}). Street photos have none; leave them out."
        raise InputError(msg)
    values = np.where(flat, values, shapely.Polygon())
    return cut_polygons(valid_polygons(values))
