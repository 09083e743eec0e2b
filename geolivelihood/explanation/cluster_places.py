"""Clusters of pictures on the ground: a layer of them, and what any raster says of each."""

from __future__ import annotations

from os import PathLike
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio
import shapely
from exactextract import exact_extract
from exactextract.raster import RasterioRasterSource
from rasterio.errors import RasterioError

from geolivelihood.cells.index import to_wgs84
from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.explanation.feature_clusters import FeatureClusters
from geolivelihood.validation.resampling import block_counts

__all__ = ["cluster_covariates", "cluster_layer", "picture_covariate"]

Floats = npt.NDArray[np.float64]


def cluster_layer(
    images: gpd.GeoDataFrame,
    clusters: FeatureClusters,
    features: pd.DataFrame,
    *,
    coordinates: npt.ArrayLike | None = None,
) -> gpd.GeoDataFrame:
    """Layer ``feature_clusters``: every picture where it stands, with its cluster.

    Parameters
    ----------
    images
        Table with ``image_id`` and points or footprints, any CRS.
    clusters
        Fitted.
    features
        Of pictures, index ``image_id``; they may be others than those that were fitted to.
    coordinates
        t-SNE coordinates of the rows of ``features``, shape (n, 2).

    Returns
    -------
    geopandas.GeoDataFrame
        EPSG:4326, in the order of ``features``: ``image_id, cluster`` (−1 an outlier), ``distance`` from the
        centre, ``pc_1, pc_2``, ``tsne_1, tsne_2``, and ``path, kind, captured_at, license, creator`` where
        known. Features of pictures that are not in the table are left out.

    Raises
    ------
    MissingColumnError
        If there is no ``image_id``.
    InputError
        If coordinates do not fit, or no picture has features.
    """
    if "image_id" not in images:
        msg = f"The images have no column 'image_id'; they have {', '.join(map(str, images.columns))}."
        raise MissingColumnError(msg)
    place = pd.Index(images["image_id"]).get_indexer(features.index)
    known = place >= 0
    if not known.any():
        msg = f"None of the {len(features)} features belongs to a picture. Both must use the same image_id."
        raise InputError(msg)
    components = clusters.transform(features.to_numpy())
    near = clusters.distances(features.to_numpy())
    frame = pd.DataFrame({"image_id": features.index})
    frame["cluster"] = clusters.predict(features.to_numpy())
    frame["distance"] = near[np.arange(len(near)), np.maximum(frame["cluster"], 0)] if clusters.k_ else np.nan
    for k in range(min(2, components.shape[1])):
        frame[f"pc_{k + 1}"] = components[:, k]
    if coordinates is not None:
        spots = np.asarray(coordinates, dtype=np.float64)
        if spots.shape != (len(features), 2):
            msg = f"coordinates have shape {spots.shape}; give ({len(features)}, 2), one row per feature row."
            raise InputError(msg)
        frame[["tsne_1", "tsne_2"]] = spots
    rows = images.iloc[place[known]]
    frame = frame[known].reset_index(drop=True)
    for name in ("path", "kind", "captured_at", "license", "creator"):
        if name in rows:
            frame[name] = rows[name].to_numpy()
    return gpd.GeoDataFrame(frame, geometry=to_wgs84(rows).to_numpy(), crs="EPSG:4326")


def picture_covariate(
    images: gpd.GeoDataFrame, raster: str | PathLike[str], *, statistic: str = "mean", band: int = 1
) -> pd.Series:
    """One value of a raster per picture: over its footprint, or at its point.

    Pixels count by the share of their area in the footprint, and nodata not at all.

    Parameters
    ----------
    images
        Table with ``image_id`` and points or footprints, any CRS.
    raster
        Any raster with a CRS, north up.
    statistic
        ``"mean"``, or ``"sum"`` for counts such as people per pixel. At a point both are the pixel's value.
    band
        Counted from 1.

    Returns
    -------
    pandas.Series
        Index ``image_id``; NaN outside the raster and on nodata.

    Raises
    ------
    MissingCRSError
        If raster or pictures have none.
    InputError
        If the raster cannot be read, is rotated, or the statistic is unknown.
    """
    if statistic not in ("mean", "sum"):
        msg = f"statistic={statistic!r}: choose 'mean' or 'sum'."
        raise InputError(msg)
    crs = _checked_crs(raster, band)
    to_wgs84(images)  # says what to do without a CRS
    shapes = images.geometry.to_crs(crs).reset_index(drop=True)
    point = shapes.geom_type.eq("Point").to_numpy()
    found = np.full(len(shapes), np.nan)
    if point.any():
        spots = shapely.get_coordinates(shapes[point].to_numpy())
        with rasterio.open(raster) as source:
            read = [
                value.astype(float).filled(np.nan)[0] for value in source.sample(spots, band, masked=True)
            ]
        found[point] = read
    if (~point).any():
        frame = gpd.GeoDataFrame(geometry=shapes[~point].reset_index(drop=True))
        with rasterio.open(raster) as source:
            table: Any = exact_extract(
                RasterioRasterSource(source, band), frame, [f"v={statistic}", "n=count"], output="pandas"
            )
        found[~point] = np.where(table["n"] > 0, table["v"].astype(float), np.nan)
    return pd.Series(found, index=pd.Index(images["image_id"], name="image_id"), name=statistic)


def cluster_covariates(
    covariates: pd.DataFrame,
    labels: npt.ArrayLike,
    *,
    blocks: npt.ArrayLike | None = None,
    n_resamples: int = 2000,
    coverage: float = 0.95,
    random_state: int = 0,
) -> pd.DataFrame:
    """What sets each cluster apart from the others: means of covariates, and differences with intervals.

    Every picture counts once, whatever the number of pixels below it: pixels of one tile are no sample.

    Parameters
    ----------
    covariates
        One row per picture, one column per covariate (:func:`picture_covariate`); NaN is left out.
    labels
        Cluster of each row; −1 belongs to the others.
    blocks
        Spatial block of each row (:func:`~geolivelihood.cells.blocks`), resampled whole; ``None`` resamples
        pictures, as if neighbours knew nothing of each other.
    n_resamples, coverage, random_state
        Of the interval.

    Returns
    -------
    pandas.DataFrame
        ``cluster, covariate, n, mean, sd, difference`` (mean less that of all others, in standard deviations
        of all), ``lower, upper, blocks``.

    Raises
    ------
    InputError
        If labels or blocks do not fit.
    """
    cluster = np.asarray(labels)
    block = np.arange(len(cluster)) if blocks is None else pd.factorize(np.asarray(blocks))[0]
    if not len(cluster) == len(block) == len(covariates) or (block < 0).any():
        msg = f"{len(covariates)} rows, {len(cluster)} labels, {len(block)} blocks: give one of each per row."
        raise InputError(msg)
    ends = [50 * (1 - coverage), 50 * (1 + coverage)]
    lines = []
    for name in covariates.columns:
        values = covariates[name].to_numpy(dtype=np.float64)
        seen = ~np.isnan(values)
        x, own, where = values[seen], cluster[seen], np.unique(block[seen], return_inverse=True)[1]
        count = int(where.max(initial=-1)) + 1
        draws = (
            block_counts(count, n=n_resamples, random_state=random_state)
            if count > 1
            else np.ones((1, count))
        )
        sd = x.std() if len(x) and x.std() > 0 else np.nan
        for number in np.unique(cluster[cluster >= 0]):  # a handful of clusters
            inside = own == number
            resampled = _differences(x, inside, where, draws) / sd
            whole = _differences(x, inside, where, np.ones((1, count)))[0] / sd
            usable = resampled[~np.isnan(resampled)]
            lower, upper = np.percentile(usable, ends) if count > 1 and len(usable) else (np.nan, np.nan)
            lines.append(
                {
                    "cluster": int(number),
                    "covariate": str(name),
                    "n": int(inside.sum()),
                    "mean": float(x[inside].mean()) if inside.any() else np.nan,
                    "sd": float(x[inside].std()) if inside.any() else np.nan,
                    "difference": float(whole),
                    "lower": float(lower),
                    "upper": float(upper),
                    "blocks": count,
                }
            )
    return pd.DataFrame(lines)


def _differences(x: Floats, inside: npt.NDArray[np.bool_], block: npt.NDArray[Any], draws: Floats) -> Floats:
    """Mean inside less mean outside, for each resample of blocks."""
    size = draws.shape[1]
    terms = (inside * x, inside, ~inside * x, ~inside)
    sums = np.stack([np.bincount(block, term, minlength=size) for term in terms], axis=1)
    total, n, rest, m = (draws @ sums).T
    mean = np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0)
    return mean - np.divide(rest, m, out=np.full(len(m), np.nan), where=m > 0)


def _checked_crs(raster: str | PathLike[str], band: int) -> Any:
    try:
        with rasterio.open(raster) as source:
            crs, transform, count = source.crs, source.transform, source.count
    except RasterioError as error:
        msg = f"Cannot read the raster {raster}: {error}"
        raise InputError(msg) from error
    if crs is None:
        msg = f"{raster} has no CRS. Assign one with: gdal_edit.py -a_srs EPSG:4326 {raster}"
        raise MissingCRSError(msg)
    if transform.b or transform.d:
        msg = f"{raster} is rotated. Warp it first: gdalwarp {raster} upright.tif"
        raise InputError(msg)
    if not 1 <= band <= count:
        msg = f"{raster} has no band {band}. Bands count from 1 to {count}."
        raise InputError(msg)
    return crs
