"""How sure the mean of a region is: what the model might have been, and what it misses everywhere nearby.

The error of a region's mean has two parts. The *parameter part* is the model's own uncertainty: refits on
resampled blocks, each aggregated to the region. The *residual part* is what no refit removes: neighbouring
cells err alike, so that their errors do not average out as independent ones would. Neither part alone is the
error, and the ends of the cells' intervals are never averaged.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from scipy.spatial.distance import cdist

from geolivelihood.cells import Tie, cell_centres, cell_resolutions, parents
from geolivelihood.errors import InputError
from geolivelihood.progress import checkpoint
from geolivelihood.validation.blocks import block_width_m
from geolivelihood.validation.distances import EARTH_RADIUS_M, lonlat_of, unit_vectors
from geolivelihood.validation.quantiles import conformal_quantile
from geolivelihood.validation.variogram import variogram

__all__ = ["ResidualField", "region_conformal", "region_errors"]

_EXACT_CELLS = 5_000  # 25 million pairs; beyond, cells near each other are put together
_PAIRS = 1 << 21  # pairs held at a time, 16 MB
_EARTH_RADIUS_KM = EARTH_RADIUS_M / 1000

Floats = npt.NDArray[np.float64]


class ResidualField(NamedTuple):
    """What the model misses, as a random field: its size, and how far it resembles itself.

    The errors of two places d km apart have the covariance σ_iσ_j[(1−ν)e^{−d/a} + νδ_ij].

    Attributes
    ----------
    sigma
        Standard deviation σ, in the unit of the target.
    nugget
        Share ν of the variance that neighbours do not have in common, 0 to 1.
    range_km
        Length a of the exponential, kilometres; the practical range is 3a. 0: errors are independent.
    """

    sigma: float
    nugget: float
    range_km: float

    @classmethod
    def of(
        cls,
        residuals: npt.ArrayLike,
        places: Any,
        *,
        se: npt.ArrayLike | None = None,
        random_state: int = 0,
    ) -> ResidualField:
        """The field behind residuals, without the labels' own sampling errors.

        σ² = max(mean e² − mean se², 0); ν and a come from the variogram, from whose nugget mean se² is taken
        as well: the map is of the population, not of the survey's sample of it.

        Parameters
        ----------
        residuals
            *Out-of-block* residuals, shape (n,); NaN is left out.
        places
            Points (any CRS), or longitudes and latitudes, degrees, shape (n, 2).
        se
            Standard error of each label, shape (n,); NaN where unknown. ``None``: labels without error.
        random_state
            Seed of the sample from which the variogram of more than 3,000 rows is made.

        Raises
        ------
        InputError
            If lengths differ, fewer than 10 residuals are known, all places coincide, or an se is negative.

        Warns
        -----
        UserWarning
            If residuals grow apart over the whole of the distances seen: there is a trend, and no range.
        """
        e = np.asarray(residuals, dtype=float)
        noise = 0.0 if se is None else _mean_square(se, np.isfinite(e))
        found = variogram(places, e, random_state=random_state)
        own = max(found.nugget - noise, 0.0)
        sigma = float(np.sqrt(max(np.nanmean(np.where(np.isfinite(e), e, np.nan) ** 2) - noise, 0.0)))
        if found.partial_sill == 0:
            return cls(sigma, 1.0, 0.0)
        if not found.resolved:
            msg = (
                f"Residuals still grow apart at {found.lag_m[-1] / 1000:.0f} km, the largest distance seen: "
                "there is a trend that the model misses. The errors of regions are rough"
            )
            warnings.warn(msg, stacklevel=2)
        return cls(sigma, own / (own + found.partial_sill), found.scale_m / 1000)

    def sd_of_mean(self, weights: npt.ArrayLike, places: Any, *, sigma: npt.ArrayLike | None = None) -> float:
        """Standard deviation of Σ w_i ε_i, every pair of places counted.

        Parameters
        ----------
        weights
            Shape (n,); they sum to 1 for a mean.
        places
            Points (any CRS), or longitudes and latitudes, degrees, shape (n, 2).
        sigma
            Standard deviation at each place; ``None`` takes the field's everywhere.

        Returns
        -------
        float
            0 without places. Time grows as n², memory as n.
        """
        spread = np.asarray(self.sigma if sigma is None else sigma, dtype=float)
        part = np.asarray(weights, dtype=float) * spread
        return float(np.sqrt(_variance(self, part, part, unit_vectors(lonlat_of(places)))))


def region_errors(
    tie: Tie,
    *,
    draws: Any | None = None,
    field: ResidualField | None = None,
    sigma: Any | None = None,
) -> pd.DataFrame:
    """Standard error of the mean of every region, its two parts apart.

    Parameter part: each draw is aggregated with the tie, then the variance is taken over the draws. Residual
    part: Σ_iΣ_j w_iw_jσ_iσ_j[(1−ν)e^{−d_ij/a} + νδ_ij], over every pair of cells up to 5,000 of them in a
    region. Above, the nugget stays per cell and the smooth part is taken between H3 parents no wider than
    a/3 (a narrower range takes every pair), which changes the sd by less than 1 %.

    Parameters
    ----------
    tie
        Regions to cells, as :func:`~geolivelihood.cells.region_weights` makes it; its rows are normalised
        here.
    draws
        Predictions of refitted models, shape (draws, cells) in the order of ``tie.cells``, or a DataFrame
        with one column per cell; NaN = no prediction. ``None``: the parameter part is NaN.
    field
        The residuals' field. ``None``: the residual part is NaN.
    sigma
        Residual sd of each cell, in the order of ``tie.cells`` or a Series indexed by cell, where it is not
        the field's everywhere; NaN = no prediction in the cell.

    Returns
    -------
    pandas.DataFrame
        One row per region: ``parameter_sd``, ``residual_sd``, ``sd`` (root of the sum of both squares, NaN
        unless both are known), ``cells`` (number that count) and ``covered``. A cell that is NaN anywhere
        does not count; the weights of the others are renormalised and ``covered`` says what share they had.
        The errors of
        a region without such a cell are NaN, and so is ``covered`` where the tie gives it no cell at all.

    Raises
    ------
    InputError
        If neither draws nor field is given, shapes do not fit the cells, or the field is no field.
    """
    if draws is None and field is None:
        msg = "Give draws (predictions of refitted models), a residual field, or both."
        raise InputError(msg)
    values = None if draws is None else _draws(tie, draws)
    spread = _spread(tie, field, sigma)
    known = np.isfinite(spread) & (True if values is None else np.isfinite(values).all(axis=0))
    weights = _weights(tie, known)
    nothing = np.full(len(tie), np.nan)
    parameter = nothing if values is None else _parameter_sd(weights, np.where(known, values, 0.0))
    residual = nothing if field is None else _residual_sd(field, weights, spread, tie.cells)
    count = np.diff(weights.indptr)
    parts = {"parameter_sd": parameter, "residual_sd": residual, "sd": np.hypot(parameter, residual)}
    table = pd.DataFrame({name: np.where(count > 0, part, np.nan) for name, part in parts.items()}, tie.rows)
    return table.assign(cells=count, covered=tie.covered(known))


def region_conformal(
    estimate: npt.ArrayLike,
    direct: npt.ArrayLike,
    variance: npt.ArrayLike,
    direct_variance: npt.ArrayLike,
    *,
    alpha: float = 0.1,
) -> float:
    """Factor q of the interval θ̂ ± q√V, from regions whose survey estimates the model has not seen.

    The ⌈(n+1)(1−α)⌉-th smallest of s_r = |θ̂_r − D_r| / √(V_r + ψ_r). Approximate: the direct estimate is
    not the truth, and ψ is itself an estimate.

    Parameters
    ----------
    estimate, direct
        θ̂_r of the model, held out, and D_r of the survey, shape (regions,). Regions with NaN anywhere are
        left out.
    variance, direct_variance
        V_r (the square of ``sd`` of :func:`region_errors`) and ψ_r (the square of the survey's se).
    alpha
        Share of regions that may lie outside.

    Returns
    -------
    float
        ``inf`` with fewer than (1−α)/α regions: they cannot vouch for such an interval.

    Raises
    ------
    InputError
        If lengths differ, a variance is negative, both variances of a region are 0, or ``alpha`` lies
        outside (0, 1).
    """
    given = [np.asarray(values, dtype=float) for values in (estimate, direct, variance, direct_variance)]
    if len({values.shape for values in given}) > 1 or given[0].ndim != 1:
        msg = f"Give one value per region throughout, not shapes {[values.shape for values in given]}."
        raise InputError(msg)
    known = np.isfinite(given).all(axis=0)
    theta, survey, own, sampling = (values[known] for values in given)
    if (own < 0).any() or (sampling < 0).any() or (own + sampling == 0).any():
        msg = (
            "Variances of regions are not negative, and never both 0: an error of 0 is unknown, not certain."
        )
        raise InputError(msg)
    return conformal_quantile(np.abs(theta - survey) / np.sqrt(own + sampling), alpha=alpha)


def _mean_square(se: npt.ArrayLike, known: npt.NDArray[np.bool_]) -> float:
    error = np.asarray(se, dtype=float)
    if error.shape != known.shape or (error < 0).any() or not np.isfinite(error[known]).any():
        msg = f"se must hold {len(known)} standard errors, not negative, some of them known."
        raise InputError(msg)
    return float(np.nanmean(error[known] ** 2))


def _draws(tie: Tie, draws: Any) -> Floats:
    table = draws.reindex(columns=tie.cells) if isinstance(draws, pd.DataFrame) else draws
    values = np.asarray(table, dtype=float)
    if values.ndim != 2 or values.shape[1] != len(tie.cells) or len(values) < 2:
        msg = (
            f"draws have shape {values.shape}. Give at least 2 rows, one per refitted model, with a column "
            f"for each of the {len(tie.cells)} cells of the tie."
        )
        raise InputError(msg)
    return values


def _spread(tie: Tie, field: ResidualField | None, sigma: Any | None) -> Floats:
    """Residual sd of every cell; zeros where no residual part is asked for."""
    if field is None and sigma is not None:
        msg = "sigma alone does not say how the errors of neighbours resemble each other. Give field as well."
        raise InputError(msg)
    if field is None:
        return np.zeros(len(tie.cells))
    if not (0 <= field.nugget <= 1 and field.range_km >= 0 and field.sigma >= 0):
        msg = f"{field} is no field: sigma and range_km are not negative, nugget is a share of 0 to 1."
        raise InputError(msg)
    if sigma is None:
        return np.full(len(tie.cells), float(field.sigma))
    spread = np.asarray(sigma.reindex(tie.cells) if isinstance(sigma, pd.Series) else sigma, dtype=float)
    if spread.shape != tie.cells.shape or (spread < 0).any():
        msg = f"sigma must hold one sd, not negative, for each of the {len(tie.cells)} cells of the tie."
        raise InputError(msg)
    return spread


def _weights(tie: Tie, known: npt.NDArray[np.bool_]) -> sparse.csr_array:
    """Weights of the known cells, every row that has any summing to 1."""
    part = sparse.csr_array(tie.matrix @ sparse.diags_array(known.astype(float)))
    part.eliminate_zeros()
    return Tie(part, tie.rows, tie.cells).normalised().matrix


def _parameter_sd(weights: sparse.csr_array, values: Floats) -> Floats:
    return np.std(weights @ values.T, axis=1, ddof=1)


def _residual_sd(
    field: ResidualField, weights: sparse.csr_array, spread: Floats, cells: npt.NDArray[np.uint64]
) -> Floats:
    unit = unit_vectors(cell_centres(cells)) if len(cells) else np.empty((0, 3))
    variance = np.zeros(weights.shape[0])
    # a loop over regions, tens of them, each a sum over all its pairs of cells
    for row in range(len(variance)):
        checkpoint()
        entries = slice(*weights.indptr[row : row + 2])
        at = weights.indices[entries]
        part = weights.data[entries] * spread[at]
        if len(at) <= _EXACT_CELLS:
            variance[row] = _variance(field, part, part, unit[at])
        else:
            variance[row] = _variance(field, part, *_merged(part, unit[at], cells[at], field.range_km))
    return np.sqrt(variance)


def _merged(
    part: Floats, unit: Floats, cells: npt.NDArray[np.uint64], range_km: float
) -> tuple[Floats, Floats]:
    """Cells put together into H3 parents: the finest that are few enough, or the widest of a third of a."""
    levels = range(int(cell_resolutions(cells).min()))
    narrow = [level for level in levels if block_width_m(level) <= range_km * 1000 / 3]
    if not narrow:
        return part, unit
    for level in reversed(narrow):
        parent = pd.factorize(parents(cells, resolution=level))[0]
        if parent.max() < _EXACT_CELLS:
            break
    middle = np.stack([np.bincount(parent, part * axis) for axis in unit.T], axis=1)
    total: Floats = np.bincount(parent, part).astype(float)
    length = np.linalg.norm(middle, axis=1, keepdims=True)
    return total, np.divide(middle, length, out=np.zeros_like(middle), where=length > 0)


def _variance(field: ResidualField, part: Floats, smooth: Floats, unit: Floats) -> float:
    """Nugget of every cell in ``part``, exponential between the places of ``smooth``."""
    own = float((part**2).sum())
    if field.range_km == 0:
        return own
    return field.nugget * own + (1 - field.nugget) * _exponential(smooth, unit, field.range_km)


def _exponential(part: Floats, unit: Floats, range_km: float) -> float:
    """Σ_iΣ_j v_iv_j e^{−d_ij/a}: each pair once and doubled, a few rows of pairs in memory at a time."""
    total, step = 0.0, max(1, _PAIRS // max(len(part), 1))
    for start in range(0, len(part), step):
        rows = slice(start, start + step)
        other = 2 * part[start:]
        other[:step] /= 2  # the square of rows against themselves holds every pair twice already
        table = cdist(unit[rows], unit[start:])
        np.arcsin(np.minimum(table / 2, 1.0, out=table), out=table)
        np.exp(np.multiply(table, -2 * _EARTH_RADIUS_KM / range_km, out=table), out=table)
        total += float(part[rows] @ table @ other)
    return total
