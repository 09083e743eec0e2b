"""Survey-weighted means of clusters and regions, with errors that are never zero by accident."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special, stats

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.tables.schema import unknown_column

__all__ = ["cluster_means", "noise_ceiling", "pooled_weights", "proportion_interval", "region_means"]

_PRIOR_HOUSEHOLDS = 10  # households that the pooled variance counts for in a cluster's own

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


class Moments(NamedTuple):
    """What the rows of each cluster say; arrays of shape (n_clusters,)."""

    mean: Floats
    design_se: Floats
    n_eff: Floats
    households: Ints
    weight: Floats
    variance: Floats


def cluster_means(
    households: pd.DataFrame,
    *,
    value: str,
    cluster: str,
    household: str,
    weight: str,
    urban: str | None = None,
    proportion: bool | None = None,
) -> pd.DataFrame:
    """Survey-weighted mean of each cluster and its standard error.

    The unit of variance is the household, since its members answer alike; with z_h the weighted sum of a
    household's deviations, se² = H/(H−1) · Σz_h² / W² (no finite-population correction: the size of the
    enumeration area is unpublished). One household, or equal answers, would give an se of 0 or none. So a
    proportion takes at least the se of a Beta(½, ½) posterior over n_eff answers, and a continuous mean
    borrows variance worth 10 households from the clusters of its class.

    Parameters
    ----------
    households
        One row per household or person.
    value
        Column to average. Rows without a value, or with a weight that is not positive, are dropped and
        counted.
    cluster, household
        Columns of ids; a household id is unique within its cluster only.
    weight
        Column of sampling weights. A household's answer that describes its people is weighted by weight x
        members.
    urban
        Column with the cluster's class, within which variance is pooled. ``None`` pools over all clusters.
    proportion
        Whether ``value`` is 0/1. ``None`` looks.

    Returns
    -------
    pandas.DataFrame
        Index ``cluster``; columns ``<value>``, ``<value>_se``, ``households`` (with a value), ``weight``
        (their sum), ``n_eff``, ``dropped`` (rows). A cluster with no usable row keeps its line, NaN.

    Raises
    ------
    MissingColumnError
        If a column is not there.
    InputError
        If a cluster or household id is missing, or a proportion is not 0/1.

    Warns
    -----
    UserWarning
        If an se cannot be known even so (no cluster has two households, or all answers are equal); it is NaN.
    """
    _need(households, [value, cluster, household, weight, *([urban] if urban else [])])
    keys = households[[cluster, household]]
    if keys.isna().to_numpy().any():
        missing = int(keys.isna().any(axis=1).sum())
        msg = f"{missing} rows have no {cluster} or {household}. Every row needs both."
        raise InputError(msg)
    codes, names = pd.factorize(households[cluster], sort=True)
    y, w = (pd.to_numeric(households[name]).to_numpy(dtype=float) for name in (value, weight))
    used = np.isfinite(y) & np.isfinite(w) & (w > 0)
    homes = pd.factorize(households[household])[0]
    found = moments(codes[used], homes[used], w[used], y[used], n_clusters=len(names))
    if proportion is None:
        proportion = bool(np.isin(y[used], (0.0, 1.0)).all())
    if proportion:
        se = _proportion_se(found, y[used], value)
    else:
        se = _continuous_se(found, _classes(households, urban, codes, len(names)))
    _warn_unknown(se, found, value)
    columns = {
        value: found.mean,
        f"{value}_se": se,
        "households": found.households,
        "weight": found.weight,
        "n_eff": found.n_eff,
        "dropped": np.bincount(codes[~used], minlength=len(names)),
    }
    return pd.DataFrame(columns, index=pd.Index(names, name=cluster))


def moments(cluster: Ints, household: Ints, weight: Floats, value: Floats, *, n_clusters: int) -> Moments:
    """Weighted moments of each cluster, from rows of codes 0 ... n_clusters − 1 and positive weights."""
    pairs = np.unique(np.stack([cluster, household]), axis=1, return_inverse=True)
    home_cluster, home = pairs[0][0], pairs[1].reshape(-1)
    total = np.bincount(cluster, weight, n_clusters).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(cluster, weight * value, n_clusters) / total
        size = np.bincount(home_cluster, minlength=n_clusters)
        home_weight = np.bincount(home, weight, len(home_cluster))
        z = np.bincount(home, weight * (value - mean[cluster]), len(home_cluster))
        spread = np.bincount(home_cluster, z**2, n_clusters) / total**2
        design_se = np.sqrt(np.where(size > 1, size / (size - 1.0) * spread, np.nan))
        n_eff = total**2 / np.bincount(home_cluster, home_weight**2, n_clusters)
        home_mean = mean[home_cluster] + z / home_weight
        centre = np.bincount(home_cluster, home_mean, n_clusters) / size
        apart = np.bincount(home_cluster, (home_mean - centre[home_cluster]) ** 2, n_clusters)
        variance = np.where(size > 1, apart / (size - 1.0), 0.0)
    return Moments(mean, design_se, n_eff, size, total, np.asarray(variance, dtype=float))


def pooled_variance(variance: Floats, households: Ints, classes: Ints) -> Floats:
    """Within-cluster variance s_p² = Σ(H−1)s² / Σ(H−1) of each cluster's class; of all where it has none."""
    freedom = np.maximum(households - 1.0, 0.0)
    with np.errstate(invalid="ignore"):
        of_class = np.bincount(classes, freedom * variance) / np.bincount(classes, freedom)
        of_all = (freedom * variance).sum() / freedom.sum()
    return np.where(np.isfinite(of_class) & (of_class > 0), of_class, of_all)[classes]


def shrunken_variance(variance: Floats, households: Ints, pooled: Floats) -> Floats:
    """Variance of household means, s̃² = [(H−1)s² + 10 s_p²] / (H−1+10)."""
    freedom = np.maximum(households - 1.0, 0.0)
    return (freedom * variance + _PRIOR_HOUSEHOLDS * pooled) / (freedom + _PRIOR_HOUSEHOLDS)


def smoothed_proportion_se(p: npt.ArrayLike, n_eff: npt.ArrayLike) -> Floats:
    """Standard error √(p̃(1−p̃)/(n+2)) with p̃ = (np+½)/(n+1): positive at p = 0 and 1."""
    p, n = np.asarray(p, dtype=float), np.asarray(n_eff, dtype=float)
    smooth = (n * p + 0.5) / (n + 1)
    return np.sqrt(smooth * (1 - smooth) / (n + 2))


def proportion_interval(
    p: npt.ArrayLike, n_eff: npt.ArrayLike, *, coverage: float = 0.95
) -> tuple[Floats, Floats]:
    """Equal-tailed interval of a proportion, Beta(n·p + ½, n(1−p) + ½).

    Parameters
    ----------
    p, n_eff
        Published proportions and their effective numbers of households.
    coverage
        Probability between the two ends.

    Returns
    -------
    tuple of ndarray
        Lower and upper ends.
    """
    p, n = np.asarray(p, dtype=float), np.asarray(n_eff, dtype=float)
    tail = (1 - coverage) / 2
    beta = stats.beta(n * p + 0.5, n * (1 - p) + 0.5)
    return beta.ppf(tail), beta.ppf(1 - tail)


def noise_ceiling(value: npt.ArrayLike, se: npt.ArrayLike) -> float:
    """Largest R² that a model can reach on labels this noisy, 1 − mean(se²)/Var(y), over known rows.

    NaN where all labels are equal, or none is known with its error: there is nothing to explain.
    """
    y, error = np.asarray(value, dtype=float), np.asarray(se, dtype=float)
    known = np.isfinite(y) & np.isfinite(error)
    variance = np.var(y[known]) if known.any() else 0.0
    return float(1 - np.mean(error[known] ** 2) / variance) if variance > 0 else np.nan


def pooled_weights(weight: pd.Series, *, country: pd.Series, population: Mapping[str, float]) -> pd.Series:
    """Weights that add up to each country's population, for estimates over several surveys.

    Raises
    ------
    InputError
        If a country has no population.
    """
    unknown = sorted(set(country.unique()) - set(population))
    if unknown:
        msg = f"population has no entry for {', '.join(map(str, unknown))}. Give one number per country."
        raise InputError(msg)
    return weight * country.map(population).astype(float) / weight.groupby(country).transform("sum")


def region_means(
    clusters: pd.DataFrame,
    *,
    value: str,
    weight: str,
    stratum: str,
    region: str | None = None,
    psu: str | None = None,
    proportion: bool = False,
    coverage: float = 0.95,
) -> pd.DataFrame:
    """Design-based mean of each region.

    A region is a domain: all sampling units of its strata stay in the variance, with z = 0 outside the
    region. Deleting them, as a filter would, gives an error that is too small. A stratum with one unit is
    centred on 0.

    Parameters
    ----------
    clusters
        One row per cluster of the *whole* survey.
    value, weight
        Columns of the cluster means and their summed weights. A cluster without a value counts as a sampling
        unit that contributes nothing.
    stratum
        Column of the sampling strata.
    region
        Column of the regions; ``None`` takes all clusters as one, named ``"all"``.
    psu
        Column of the primary sampling units; ``None`` takes each row as one.
    proportion
        Whether the value is a share: its interval is made on the logit scale.
    coverage
        Probability between the ends of the interval, t with (units − strata) degrees of freedom.

    Returns
    -------
    pandas.DataFrame
        Index ``region``; columns ``<value>``, ``<value>_se``, ``<value>_lower``, ``<value>_upper``, ``psus``
        (in the region), ``df``.

    Raises
    ------
    MissingColumnError
        If a column is not there.

    Warns
    -----
    UserWarning
        If an se would be 0 or unknown: a proportion is then smoothed, another mean gets NaN.
    """
    given = [name for name in (region, psu) if name]
    _need(clusters, [value, weight, stratum, *given])
    y, w = (clusters[name].to_numpy(dtype=float) for name in (value, weight))
    known = np.isfinite(y) & (w > 0)
    y, w = np.where(known, y, 0.0), np.where(known, w, 0.0)
    strata = pd.factorize(clusters[stratum])[0]
    units = np.arange(len(clusters)) if psu is None else pd.factorize(clusters[psu])[0]
    names = clusters[region] if region else pd.Series("all", index=clusters.index)
    # a country has tens of regions, each a sum over all clusters
    rows = {
        name: _domain_mean(y, w * (names == name).to_numpy(), strata, units, proportion, coverage)
        for name in pd.unique(names.dropna())
    }
    keys = [value, f"{value}_se", f"{value}_lower", f"{value}_upper", "psus", "df"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=keys).rename_axis(region or "region")
    unsure = table[f"{value}_se"].isna() | (table[f"{value}_se"] == 0)
    return _resolved(table, unsure, value, proportion, coverage, names, pd.Series(w, index=clusters.index))


def _domain_mean(
    y: Floats, w: Floats, strata: Ints, units: Ints, proportion: bool, coverage: float
) -> tuple[float, float, float, float, int, int]:
    """Mean, se, lower, upper, units and degrees of freedom; ``w`` is 0 outside the domain."""
    inside = w > 0
    if not inside.any():
        return (np.nan, np.nan, np.nan, np.nan, 0, 0)
    mean = float(np.average(y, weights=w))
    table = pd.DataFrame({"stratum": strata, "unit": units, "z": w * (y - mean)})
    table = table[np.isin(strata, strata[inside])].groupby(["stratum", "unit"])["z"].sum().reset_index()
    groups = table.groupby("stratum")["z"]
    n, squares = groups.size(), groups.var(ddof=0).mul(groups.size())
    alone = groups.sum() ** 2
    variance = float(np.where(n > 1, n / (n - 1).clip(lower=1) * squares, alone).sum() / w.sum() ** 2)
    se, freedom = float(np.sqrt(variance)), int(len(table) - len(n))
    lower, upper = _interval(mean, se, freedom, proportion, coverage)
    return (mean, se, lower, upper, len(np.unique(units[inside])), freedom)


def _interval(mean: float, se: float, freedom: int, proportion: bool, coverage: float) -> tuple[float, float]:
    if freedom < 1 or se == 0:
        return (np.nan, np.nan)
    half = float(stats.t.ppf((1 + coverage) / 2, freedom)) * se
    if not proportion:
        return (mean - half, mean + half)
    logit, half = special.logit(mean), half / (mean * (1 - mean))
    return (float(special.expit(logit - half)), float(special.expit(logit + half)))


def _resolved(
    table: pd.DataFrame,
    unsure: pd.Series,
    value: str,
    proportion: bool,
    coverage: float,
    names: pd.Series,
    weight: pd.Series,
) -> pd.DataFrame:
    """Errors of 0 or NaN replaced by smoothed ones, or owned up to."""
    if not unsure.any():
        return table
    which = ", ".join(map(str, table.index[unsure][:5]))
    if not proportion:
        warnings.warn(f"{value}: the standard error of {which} cannot be known; it is NaN", stacklevel=3)
        table.loc[unsure, f"{value}_se"] = np.nan
        return table
    warnings.warn(f"{value}: the standard error of {which} is smoothed, it would be 0", stacklevel=3)
    grouped = weight.groupby(names)
    n_eff = (grouped.sum() ** 2 / (weight**2).groupby(names).sum()).reindex(table.index)[unsure]
    p = table.loc[unsure, value]
    lower, upper = proportion_interval(p, n_eff, coverage=coverage)
    ends = [f"{value}_se", f"{value}_lower", f"{value}_upper"]
    table.loc[unsure, ends] = np.stack([smoothed_proportion_se(p, n_eff), lower, upper], axis=1)
    return table


def _proportion_se(found: Moments, values: Floats, name: str) -> Floats:
    if not np.isin(values, (0.0, 1.0)).all():
        other = values[~np.isin(values, (0.0, 1.0))][0]
        msg = f"{name} is to be a proportion but holds {other:g}. Give 0 and 1 (NaN = missing)."
        raise InputError(msg)
    return np.fmax(found.design_se, smoothed_proportion_se(found.mean, found.n_eff))


def _continuous_se(found: Moments, classes: Ints) -> Floats:
    pooled = pooled_variance(found.variance, found.households, classes)
    return np.sqrt(shrunken_variance(found.variance, found.households, pooled) / found.n_eff)


def _classes(households: pd.DataFrame, urban: str | None, codes: Ints, n_clusters: int) -> Ints:
    """Class 0, 1 ... of each cluster, from its first row that has one; clusters without one form a class."""
    if urban is None:
        return np.zeros(n_clusters, dtype=np.intp)
    first = households[urban].groupby(codes).first().reindex(range(n_clusters))
    labels = pd.factorize(first)[0]
    return np.where(labels < 0, labels.max() + 1, labels)


def _warn_unknown(se: Floats, found: Moments, value: str) -> None:
    unknown = (found.households > 0) & ~(se > 0)
    se[unknown] = np.nan
    if unknown.any():
        msg = f"{value}: the standard error of {int(unknown.sum())} clusters cannot be known; it is NaN"
        warnings.warn(msg, stacklevel=3)


def _need(frame: pd.DataFrame, columns: list[str]) -> None:
    for column in columns:
        if column not in frame:
            msg = unknown_column(column, [str(name) for name in frame.columns], what="It has") + "."
            raise MissingColumnError(msg)
