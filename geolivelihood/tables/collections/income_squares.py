"""Income on 200 m squares of Paris: orthophotos of a European grid with the incomes of INSEE.

Squares are those of the European grid: an id such as ``CRS3035RES200mN2889600E3760200`` says the coordinate
system, the size and the lower left corner, so that places need no file of their own [1]_.

References
----------
.. [1] INSEE, Filosofi 2015, gridded data; pictures as in Levy Abitbol & Karsai (2020), arXiv 2004.04907, and
   Obadic et al. (2024), arXiv 2404.09768.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from geolivelihood.errors import InputError
from geolivelihood.progress import track
from geolivelihood.tables.collections.door import (
    OnRejected,
    absent_files,
    admit,
    cell_polygons,
    collection_folder,
    in_split,
    numbers,
    require_columns,
)
from geolivelihood.tables.faults import rejected_rows
from geolivelihood.tables.sources import read_rows

__all__ = ["Square", "income_classes", "parse_square_id", "read_income_squares"]

_ID = re.compile(r"CRS3035RES(?P<size>[1-9]\d*)mN(?P<north>0|[1-9]\d*)E(?P<east>0|[1-9]\d*)")
_ID_NAMES = ("idINSPIRE", "IdINSPIRE")
_SUMS = ("Ind_snv", "Ind")  # of living standards (euros per year), and of persons, as INSEE publishes them
_SPLITS = ("train", "val", "test")
_TABLE = "squares_to_ses_2019.csv"
_CITIES = "city_assoc.csv"
_PICTURES = "FR_URBANATLAS_200m_{id}.png"
_LAYOUT = f"{_TABLE}, {_PICTURES}, optional train.csv, val.csv, test.csv and {_CITIES}"
_PERCENTILES = (20, 40, 60, 80)


class Square(NamedTuple):
    """A square of the European grid, metres in EPSG:3035.

    Attributes
    ----------
    east, north
        Lower left corner.
    size
        Side.
    """

    east: int
    north: int
    size: int = 200

    @property
    def name(self) -> str:
        """The id that says all this."""
        return f"CRS3035RES{self.size}mN{self.north}E{self.east}"


def parse_square_id(name: str) -> Square:
    """The square that an id of the European grid names.

    Raises
    ------
    InputError
        If it is no such id.

    Examples
    --------
    >>> parse_square_id("CRS3035RES200mN2889600E3760200")
    Square(east=3760200, north=2889600, size=200)
    """
    found = _ID.fullmatch(name)
    if found is None:
        msg = (
            f"{name!r} is no square of the European grid. Give an id such as {Square(3760200, 2889600).name}."
        )
        raise InputError(msg)
    return Square(int(found["east"]), int(found["north"]), int(found["size"]))


def income_classes(income: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Quintile of each income, 0 (poor) to 4 (rich).

    Parameters
    ----------
    income
        (n,) finite numbers.

    Returns
    -------
    numpy.ndarray
        (n,) classes. Bins are closed on the right at the percentiles 20, 40, 60, 80: an income that equals an
        edge belongs to the class below.

    Examples
    --------
    >>> income_classes([12, 15, 18, 20, 21, 23, 26, 30, 38, 60]).tolist()
    [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    """
    values = np.asarray(income, dtype=float)
    return np.searchsorted(np.percentile(values, _PERCENTILES), values, side="left").astype(np.int64)


def read_income_squares(
    root: str | os.PathLike[str],
    *,
    split: str | None = None,
    table: str = _TABLE,
    pictures: str = _PICTURES,
    max_zero_share: float | None = None,
    max_rejected: float = 0.1,
    on_rejected: OnRejected | None = None,
) -> gpd.GeoDataFrame:
    """The income squares as overhead pictures.

    Parameters
    ----------
    root
        Folder with ``squares_to_ses_2019.csv`` (``idINSPIRE`` or ``IdINSPIRE``, ``income`` in euros per
        person and year, or INSEE's own ``Ind_snv`` and ``Ind``, whose ratio it is) and the pictures.
        Optional the splits ``train.csv``, ``val.csv``, ``test.csv`` (``idINSPIRE``, ``income``, optional
        ``image_path`` and ``income_class``) and ``city_assoc.csv`` (``idINSPIRE``, ``FUA_NAME``). Without
        the table the splits say the incomes.
    split
        ``"train"``, ``"val"`` or ``"test"``; ``None`` is every square.
    table
        Name of the table of incomes within ``root``.
    pictures
        Where a picture is, within ``root``, of its ``{id}``; a path that a split file gives counts more.
    max_zero_share
        Share of zero values above which a picture is dropped (published: 0.01; these are squares that reach
        beyond the orthophotos). It reads every picture; ``None`` reads none.
    max_rejected
        Share of squares set aside above which the collection is refused. Squares without an income, and those
        dropped by ``max_zero_share``, do not count.
    on_rejected
        Called with ``row, column, reason`` of all of them; ``None`` logs a warning.

    Returns
    -------
    geopandas.GeoDataFrame
        ``image_id`` and ``place_id`` (the square), ``path, kind, income, income_class`` (published, else
        quintiles of all squares with an income), ``split``, ``region`` (urban area), square in EPSG:4326.

    Raises
    ------
    InputError, MissingColumnError, TableError, TooManyRejectedError
        If the layout is another, a column is missing, an id repeats, or too little is left.
    """
    folder = collection_folder(root, layout=_LAYOUT)
    squares = _with_region(_squares(folder, table), folder)
    squares["path"] = _paths(squares, folder, pictures)
    parsed = squares["image_id"].map(lambda name: _ID.fullmatch(str(name)))
    unnamed = parsed.isna().to_numpy()
    squares["income"], unread = numbers(squares["income"])
    poor = (squares["income"].isna() & ~unread).to_numpy()
    rejected = [
        rejected_rows(squares["image_id"][unnamed], "idINSPIRE", "is no square of the European grid"),
        rejected_rows(squares["image_id"][unread], "income", "the income is no finite number"),
    ]
    gaps = [rejected_rows(squares["image_id"][poor], "income", "has no income")]
    good = ~(unnamed | unread.to_numpy() | poor)
    squares = _with_classes(_with_places(squares[good], parsed[good]))
    squares = in_split(squares, split, where=folder)
    absent, faults = absent_files(squares["path"], squares["image_id"])
    squares = squares[~absent]
    if max_zero_share is not None:
        squares, damaged, empty = _without_voids(squares, max_zero_share)
        faults, gaps = pd.concat([faults, damaged]), [*gaps, empty]
    return admit(
        squares,
        what=f"the income squares in {folder}",
        rejected=[*rejected, faults],
        gaps=gaps,
        max_rejected=max_rejected,
        on_rejected=on_rejected,
    )


def _squares(folder: Path, table: str) -> pd.DataFrame:
    """Ids, incomes and splits, from the table and the split files."""
    named = {name: folder / f"{name}.csv" for name in _SPLITS}
    splits = [_rows(path).assign(split=name) for name, path in named.items() if path.is_file()]
    whole = folder / table
    if not whole.is_file() and not splits:
        msg = f"{folder} has neither {table} nor train.csv, val.csv or test.csv. The layout is: {_LAYOUT}."
        raise InputError(msg)
    joined = pd.concat(splits, ignore_index=True) if splits else pd.DataFrame({"image_id": []}, dtype="str")
    _refuse_repeats(joined, folder)
    if not whole.is_file():
        return joined
    squares = _rows(whole)
    extra = [name for name in joined if name == "image_id" or name not in squares]
    known = squares.merge(joined[extra], on="image_id", how="left")
    others = joined[~joined["image_id"].isin(squares["image_id"])]
    return pd.concat([known, others], ignore_index=True) if len(others) else known


def _rows(path: Path, *needed: str) -> pd.DataFrame:
    rows = read_rows(path, text=_ID_NAMES)
    if "income" not in rows and set(_SUMS) <= set(rows):
        total, persons = (pd.to_numeric(rows[name], errors="coerce") for name in _SUMS)
        rows["income"] = total / persons
    known = [name for name in _ID_NAMES if name in rows]
    require_columns(rows, [known[0] if known else _ID_NAMES[0], *(needed or ("income",))], where=path)
    return rows.rename(columns={known[0]: "image_id"})


def _refuse_repeats(splits: pd.DataFrame, folder: Path) -> None:
    """A square in two splits would be learned from and tested on."""
    twice = splits["image_id"][splits["image_id"].duplicated()]
    if len(twice):
        msg = f"{len(twice)} squares stand twice in the splits of {folder}, such as {twice.iloc[0]}."
        raise InputError(msg)


def _with_region(squares: pd.DataFrame, folder: Path) -> pd.DataFrame:
    if not (folder / _CITIES).is_file():
        return squares
    cities = _rows(folder / _CITIES, "FUA_NAME").drop_duplicates("image_id")
    return squares.assign(region=squares["image_id"].map(cities.set_index("image_id")["FUA_NAME"]))


def _paths(squares: pd.DataFrame, folder: Path, pictures: str) -> pd.Series:
    before, found, after = pictures.partition("{id}")
    if not found or "{" in before + after:
        msg = f"pictures={pictures!r} must hold {{id}} once: pictures={_PICTURES!r}."
        raise InputError(msg)
    inner = before + squares["image_id"].astype("str") + after
    if "image_path" in squares:
        inner = squares["image_path"].where(squares["image_path"].notna(), inner)
    return pd.Series([(folder / path).as_posix() for path in inner], index=squares.index, dtype="str")


def _with_places(squares: pd.DataFrame, parsed: pd.Series) -> gpd.GeoDataFrame:
    corners = np.array(
        [[int(found[name]) for name in ("east", "north", "size")] for found in parsed], dtype=float
    ).reshape(-1, 3)
    other = corners[corners[:, 2] != Square(0, 0).size]
    if len(other):
        msg = f"{len(other)} squares are {other[0, 2]:.0f} m wide; this collection has squares of 200 m."
        raise InputError(msg)
    polygons = cell_polygons(corners[:, 0], corners[:, 1], Square(0, 0).size, crs="EPSG:3035")
    kept = squares.drop(columns=[n for n in squares if n == "image_path" or str(n).startswith("Unnamed")])
    kept = kept.assign(place_id=kept["image_id"], kind="overhead")
    return gpd.GeoDataFrame(kept, geometry=polygons, crs="EPSG:4326")


def _with_classes(squares: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    if not len(squares):
        return squares
    classes = pd.Series(income_classes(squares["income"]), index=squares.index)
    published = squares.get("income_class")
    if published is not None:
        classes = pd.to_numeric(published, errors="coerce").fillna(classes).astype("int64")
    return squares.assign(income_class=classes)


def _without_voids(
    squares: gpd.GeoDataFrame, most: float
) -> tuple[gpd.GeoDataFrame, pd.DataFrame, pd.DataFrame]:
    """Squares whose pictures are whole, those that cannot be read, and those with too many zeros."""
    if not 0 <= most <= 1:
        msg = f"max_zero_share={most}: give a share from 0 to 1 (published: 0.01), or None."
        raise InputError(msg)
    share = np.full(len(squares), np.nan)
    reasons: dict[int, str] = {}
    for row, path in enumerate(track(squares["path"].tolist(), "looking for empty pictures")):
        try:
            share[row] = _zero_share(path)
        except Exception as error:  # decoders raise anything for damaged bytes
            reasons[row] = f"cannot be read: {error}"
    ids = squares["image_id"]
    void = share > most  # a picture that cannot be read compares false
    damaged = rejected_rows(ids.iloc[list(reasons)], "path", reasons.values())
    told = [f"too many zero values: {value:.1%}, more than {most:.1%}" for value in share[void]]
    return squares[~void & ~np.isnan(share)], damaged, rejected_rows(ids[void], "path", told)


def _zero_share(path: str) -> float:
    """Share of zero among the values of a picture; what is transparent counts as zero."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGBA"))
    return float(((pixels[..., :3] == 0) | (pixels[..., 3:] == 0)).mean())
