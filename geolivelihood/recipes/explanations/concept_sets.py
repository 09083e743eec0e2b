"""Concept sets of a project: which pictures show what, and which show none of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from rasterio.errors import RasterioError

from geolivelihood import cells as h3cells
from geolivelihood.errors import InputError
from geolivelihood.explanation.concepts import (
    class_shares,
    concept_folders,
    concepts_by_shares,
    flair_images,
    flair_rules,
    polygon_shares,
)
from geolivelihood.files import atomic
from geolivelihood.recipes.explanations.job import REJECTED, Job
from geolivelihood.tables.sources import read_table

__all__ = ["STAGE", "ConceptSets", "concept_sets", "fewer", "polygon_rules"]

STAGE = "explain-concepts"
_OTHERS = ("others", "random")
_MOST, _MOST_OTHERS = 500, 2000
_MEMBERS = ("concept", "image_id", "path", "zone")
_FLAIR_MASKS = "MSK*.tif*"


@dataclass(frozen=True)
class ConceptSets:
    """Which pictures show which concept.

    Attributes
    ----------
    members
        ``concept`` (``""``: of no concept), ``image_id``, ``path`` (``""``: a picture of the source itself),
        ``zone`` (what is held out whole).
    rejected
        ``stage, row, column, reason``.
    """

    members: pd.DataFrame
    rejected: pd.DataFrame


def concept_sets(job: Job, images: gpd.GeoDataFrame) -> ConceptSets:
    """The concepts that ``job.options["concepts"]`` names.

    Parameters
    ----------
    job
        Its option ``concepts`` is one of

        a folder
            with a folder of pictures per concept. One that is called ``others``, else ``random``, holds
            counterexamples: pictures of no concept, best from the same camera as the concepts'. Without it
            the source's own pictures serve, and a concept can be told from them by its camera alone.
        ``areas.geojson:landuse``
            a file of polygons and a column that names their class. The source's own overhead pictures are
            sorted by what they cover (:func:`polygon_rules`).
        a folder of FLAIR
            with class masks ``MSK*.tif`` beside their pictures, sorted by
            :func:`~geolivelihood.explanation.concepts.flair_rules`.

        ``rules``, a CSV with ``concept, classes, at_least, at_most``, replaces the rules of the latter two
        (:func:`~geolivelihood.explanation.concepts.concepts_by_shares`). Paths start where the command was
        given, or at the project's data.
    images
        The source's pictures, one row each.

    Raises
    ------
    InputError
        If the option or a file is missing, or no picture shows a concept.
    MissingColumnError
        If the polygons have no such column.
    """
    given = job.options.get("concepts")
    if not given:
        msg = (
            "Concepts are learned from examples. Give --concepts with a folder that has a folder of pictures "
            "per concept, or a file of polygons and the column of their class: areas.geojson:landuse."
        )
        raise InputError(msg)
    folder = _existing(job, str(given))
    if folder is None or folder.is_file():
        made = _by_polygons(job, images, str(given))
    elif next(folder.rglob(_FLAIR_MASKS), None) is not None:
        made = _by_masks(job, folder)
    else:
        made = _by_folders(job, folder)
    if not made.members["concept"].ne("").any():
        msg = f"No picture shows a concept of {given}. {_advice(made, folder)}"
        raise InputError(msg)
    return made


def polygon_rules(shares: pd.DataFrame) -> pd.DataFrame:
    """From which share of its area on a picture shows a class of polygons.

    From half of the picture on; of a class that seldom covers so much (buildings, water in a dry country),
    from the share on that the upper quarter of the pictures with any of it has, but never below 5 %.

    Parameters
    ----------
    shares
        One row per picture, one column per class
        (:func:`~geolivelihood.explanation.concepts.polygon_shares`).

    Returns
    -------
    pandas.DataFrame
        ``concept, classes, at_least, at_most``.
    """
    usual = shares.where(shares > 0).quantile(0.75).fillna(0.5)
    return pd.DataFrame(
        {
            "concept": shares.columns,
            "classes": shares.columns,
            "at_least": usual.clip(0.05, 0.5).to_numpy(),
            "at_most": 1.0,
        }
    )


def fewer(members: pd.DataFrame, seed: int) -> pd.DataFrame:
    """At most 500 pictures of each concept, and 2,000 of none, by lot: more hardly steady the vectors."""
    lot = np.random.default_rng(seed).permutation(len(members))
    rank = pd.Series(lot, index=members.index).groupby(members["concept"]).rank()
    most = np.where(members["concept"].ne(""), _MOST, _MOST_OTHERS)
    return members[(rank <= most).to_numpy()].reset_index(drop=True)


def _by_folders(job: Job, folder: Path) -> ConceptSets:
    there = {path.name for path in folder.iterdir() if path.is_dir()}
    others = next((name for name in _OTHERS if name in there), None)
    table = fewer(concept_folders(folder, others=others), job.data.project.seed)
    return ConceptSets(table.assign(image_id=_elsewhere(table["image_id"]))[list(_MEMBERS)], _rejected([]))


def _by_polygons(job: Job, images: gpd.GeoDataFrame, given: str) -> ConceptSets:
    name, _, column = given.rpartition(":")
    path = _existing(job, name) if name else None
    if path is None:
        whole = _existing(job, given)
        msg = (
            f"--concepts {given}: say which column of it names the class, as in {given}:landuse."
            if whole is not None
            else f"--concepts {given}: there is no such folder or file, neither here ({Path.cwd()}) nor in "
            f"{job.data.project.folder}. Give a folder of pictures per concept, or polygons:column."
        )
        raise InputError(msg)
    shares = polygon_shares(images, _surfaces(path, column), column=column)
    table = concepts_by_shares(shares, _rules(job, polygon_rules(shares)))
    resolution = job.lineup.sample.block_resolution
    blocks = h3cells.blocks(images.representative_point(), resolution=resolution)
    zones = pd.Series(blocks.astype(str), index=images["image_id"])
    table = table.assign(path="", zone=zones.reindex(table["image_id"]).to_numpy())
    return ConceptSets(table[list(_MEMBERS)], _rejected([]))


def _surfaces(path: Path, column: str) -> gpd.GeoDataFrame:
    """Polygons of a file; those that name no class count for none."""
    polygons = read_table(path)
    return polygons[polygons[column].notna()] if column in polygons else polygons


def _by_masks(job: Job, folder: Path) -> ConceptSets:
    bad: list[pd.DataFrame] = []
    masks = sorted(folder.rglob(_FLAIR_MASKS))
    shares = class_shares(masks, on_rejected=bad.append)
    found = concepts_by_shares(shares, _rules(job, flair_rules()))
    pictures = flair_images(list(shares.index))
    none = pd.DataFrame({"concept": "", "path": shares.index.difference(found["path"])})
    # before the pictures are opened: there may be tens of thousands
    chosen = fewer(pd.concat([found, none], ignore_index=True), job.data.project.seed)
    named = pictures.loc[chosen["path"]]
    read = [_three_bands(job, Path(path)) for path in named["path"]]  # each is a file of its own
    reasons = [(path, "path", why) for path, (_, why) in zip(named["path"], read) if why]
    ids = _elsewhere(pd.Series(named["zone"] + "/" + named["image_id"]))
    members = chosen.assign(
        image_id=ids.to_numpy(), path=[str(path) for path, _ in read], zone=named["zone"].to_numpy()
    )
    usable = np.array([not why for _, why in read], dtype=bool)
    lost = [*map(tuple, pd.concat(bad).to_numpy())] if bad else []
    return ConceptSets(members.loc[usable, list(_MEMBERS)], _rejected(lost + reasons))


def _three_bands(job: Job, path: Path) -> tuple[Path, str]:
    """The picture with its first three bands (red, green, blue), and why there is none."""
    try:
        with rasterio.open(path) as source:
            if source.count == 3:
                return path, ""
            stage = job.data.space.stage("concept-picture", str(path), path.stat().st_mtime_ns)
            target = job.data.space.folder / "concept-pictures" / f"{stage.key}.tif"
            if not target.exists():
                profile = {key: source.profile[key] for key in ("height", "width", "dtype")}
                with (
                    atomic(target) as part,
                    rasterio.open(part, "w", driver="GTiff", count=3, photometric="RGB", **profile) as copy,
                ):
                    copy.write(source.read([1, 2, 3]))
    except (RasterioError, OSError, IndexError) as error:
        return path, f"cannot be read: {error}"
    return target, ""


def _existing(job: Job, given: str) -> Path | None:
    """A path as it was given, else below the project's data."""
    found = (path for path in (Path(given).expanduser(), job.data.project.input(given)) if path.exists())
    return next(found, None)


def _rules(job: Job, usual: pd.DataFrame) -> pd.DataFrame:
    given = job.options.get("rules")
    if not given:
        return usual
    path = _existing(job, str(given))
    if path is None:
        msg = (
            f"The table of rules {given} does not exist. Give a CSV with concept, classes, at_least, at_most."
        )
        raise InputError(msg)
    return pd.read_csv(path, dtype={"concept": "str", "classes": "str"})


def _elsewhere(ids: pd.Series) -> pd.Series:
    """Names that no picture of the source can have."""
    return "concepts:" + ids.astype(str)


def _advice(made: ConceptSets, folder: Path | None) -> str:
    if len(made.rejected):
        row = made.rejected.iloc[0]
        return f"{len(made.rejected)} files were set aside; the first, {row['row']}: {row['reason']}"
    if folder is not None and folder.is_dir():
        return "Put pictures into a folder per concept beside 'others'."
    return "Do the polygons lie where the pictures are? Ask for lower shares by --option rules=TABLE.csv."


def _rejected(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    return pd.DataFrame([(STAGE, *row) for row in rows], columns=list(REJECTED))
