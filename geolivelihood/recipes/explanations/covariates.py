"""What is known of the places of pictures besides the pictures: the survey, and any raster."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geolivelihood import cells as h3cells
from geolivelihood import explanation, validation
from geolivelihood.errors import InputError
from geolivelihood.files import atomic
from geolivelihood.progress import stage as begin
from geolivelihood.recipes.explanations.job import Job

__all__ = ["picture_covariates", "write_covariates"]

_TOLD = ("covariate", "n", "mean", "sd", "difference", "lower", "upper", "blocks")


def picture_covariates(job: Job, source: str, images: gpd.GeoDataFrame, rasters: Any = None) -> pd.DataFrame:
    """Means of the indicators of the surveyed clusters that pictures belong to, and values of rasters.

    Parameters
    ----------
    job
        Of the project.
    source
        Name of the pictures' source.
    images
        ``image_id`` and points or footprints, any CRS.
    rasters
        A raster file, several, or names to files; files are called by their stems.

    Returns
    -------
    pandas.DataFrame
        One row per picture, index ``image_id``; NaN where nothing is known.

    Raises
    ------
    InputError
        If a raster cannot be read.
    """
    table = _surveyed(job, source, pd.Index(images["image_id"], name="image_id"))
    for name, raster in _named(rasters).items():
        begin(f"reading {name}")
        table[name] = explanation.picture_covariate(images, raster).to_numpy()
    return table


def write_covariates(
    path: Path, job: Job, images: gpd.GeoDataFrame, covariates: pd.DataFrame, labels: npt.NDArray[Any]
) -> None:
    """Write what sets each cluster of pictures apart from the others.

    Parameters
    ----------
    path
        CSV: ``cluster, pictures``, and ``covariate, n, mean, sd, difference, lower, upper, blocks`` as
        :func:`~geolivelihood.explanation.cluster_covariates` gives them. A cluster of which nothing is known,
        and the outliers (-1), have one row with their number of pictures.
    job
        Of the project.
    images
        Points or footprints of the pictures, any CRS.
    covariates
        From :func:`picture_covariates`, in the order of ``images``.
    labels
        Cluster of each picture.
    """
    told = explanation.cluster_covariates(
        covariates, labels, blocks=_blocks(job, images), random_state=job.data.project.seed
    )
    number, count = np.unique(labels, return_counts=True)
    sizes = pd.DataFrame({"cluster": number, "pictures": count})
    with atomic(path) as part:
        sizes.merge(told.reindex(columns=["cluster", *_TOLD]), on="cluster", how="left").to_csv(
            part, index=False
        )


def _surveyed(job: Job, source: str, ids: pd.Index) -> pd.DataFrame:
    if job.data.project.clusters is None:
        return pd.DataFrame(index=ids)
    names = [name for name in job.lineup.indicators if name in job.data.clusters]
    pairs = job.data.pairs(source)
    values = job.data.clusters.groupby("cluster_id")[names].mean().reindex(pairs["cluster_id"])
    return values.groupby(pairs["image_id"].to_numpy()).mean().reindex(ids)


def _named(given: Any) -> dict[str, Path]:
    """Rasters by what they are called: as the caller says, else as their files are."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {str(name): Path(path) for name, path in given.items()}
    paths = [Path(path) for path in ([given] if isinstance(given, str | os.PathLike) else given)]
    stems = [path.stem for path in paths]
    return dict(zip([str(p) if stems.count(p.stem) > 1 else p.stem for p in paths], paths))


def _blocks(job: Job, images: gpd.GeoDataFrame) -> npt.NDArray[np.uint64]:
    """Spatial block of each picture: the project's; else as wide as there are ten blocks of the pictures.

    Pictures too near to each other for that are one block, and nothing can be said of chance.
    """
    middles = shapely.point_on_surface(images.to_crs("EPSG:4326").geometry.to_numpy())
    places = gpd.GeoSeries(middles, crs="EPSG:4326")
    resolution = job.data.project.validation.block_resolution
    try:
        if resolution is None:
            resolution = validation.block_resolution(places, quiet=True)
    except InputError:
        return np.zeros(len(places), dtype=np.uint64)
    return h3cells.blocks(places, resolution=resolution)
