"""Whether neighbours err alike: Moran's I of residuals."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from geolivelihood import extras
from geolivelihood.errors import InputError
from geolivelihood.validation.distances import lonlat_of, unit_vectors

__all__ = ["Moran", "morans_i"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_BLOCK = 512
# Chords that agree to 6 mm on the ground are one distance, and permutations that agree to this one statistic.
_DECIMALS = 9
_ROUNDING = 1e-12


class Moran(NamedTuple):
    """Moran's I, and how often chance reaches it.

    Attributes
    ----------
    statistic
        I = z'Wz / z'z: near 0 where residuals are scattered, towards 1 where neighbours err alike.
    expected
        −1 / (n − 1), the mean of I over all permutations.
    sd
        Standard deviation of I over all permutations (known without drawing them).
    p
        Share of permutations that reach I, the observed one among them.
    n
        Number of residuals.
    """

    statistic: float
    expected: float
    sd: float
    p: float
    n: int


def morans_i(
    residuals: npt.ArrayLike,
    places: Any,
    *,
    k: int = 8,
    permutations: int = 999,
    two_sided: bool = False,
    random_state: int = 0,
) -> Moran:
    """Moran's I of residuals over the ``k`` nearest places, by esda.

    Use *out-of-fold* residuals: what is left of the neighbourhood in them is what the model has not learned,
    and how far rows are from being independent. Read it beside the :func:`variogram`, which says how far.

    Parameters
    ----------
    residuals
        Shape (n,); rows with NaN are left out.
    places
        Points (any CRS), or longitudes and latitudes, degrees, shape (n, 2).
    k
        Neighbours of each place along the ground, equally weighted; of equally near ones the first rows.
    permutations
        Random orders of the residuals that I is compared with.
    two_sided
        Count the permutations that are as far from their mean on either side, rather than those that are as
        large.
    random_state
        Seed of the permutations.

    Returns
    -------
    Moran
        All NaN but ``n`` where the residuals are constant or there are no more than ``k + 1`` (or 3).

    Raises
    ------
    InputError
        If the lengths differ, or ``k`` or ``permutations`` is less than 1.
    EnvironmentMissingError
        If esda or libpysal is not installed.

    References
    ----------
    .. [1] Cliff & Ord (1981), Spatial Processes: Models and Applications.
    """
    lonlat, e = lonlat_of(places), np.asarray(residuals, dtype=float)
    if e.shape != (len(lonlat),):
        msg = f"Residuals of shape {e.shape} do not fit {len(lonlat)} places. Give one each."
        raise InputError(msg)
    if k < 1 or permutations < 1:
        msg = f"k={k}, permutations={permutations}: both must be at least 1."
        raise InputError(msg)
    known = np.isfinite(e)
    lonlat, e = lonlat[known], e[known]
    n = len(e)
    if n <= max(k + 1, 3) or np.ptp(e) == 0:
        return Moran(np.nan, np.nan, np.nan, np.nan, n)
    neighbours = _nearest(unit_vectors(lonlat), k)
    found = _esda(e, neighbours)
    # esda permutes with NumPy's global generator; ours is seeded and leaves that of the caller alone
    rng, z = np.random.default_rng(random_state), e - e.mean()
    chance = np.array([_statistic(rng.permutation(z), neighbours) for _ in range(permutations)])
    p = _p_value(found.I, chance, two_sided)
    return Moran(float(found.I), float(found.EI), float(found.seI_rand), p, n)


def _esda(e: Floats, neighbours: Ints) -> Any:
    """Esda's Moran over row-standardised neighbours, with its moments under randomisation."""
    moran, weights = (
        extras.require("esda", extra="report"),
        extras.require("libpysal", extra="report").weights,
    )
    graph = weights.W(dict(enumerate(neighbours.tolist())), silence_warnings=True)
    return moran.Moran(e, graph, transformation="r", permutations=0)


def _statistic(z: Floats, neighbours: Ints) -> float:
    """I of centred values, z'Wz / z'z."""
    return float(z @ z[neighbours].mean(axis=1) / (z @ z))


def _p_value(statistic: float, chance: Floats, two_sided: bool) -> float:
    """(1 + number of permutations as extreme) / (1 + permutations)."""
    if two_sided:
        statistic, chance = abs(statistic - chance.mean()), np.abs(chance - chance.mean())
    return float((1 + (chance >= statistic - _ROUNDING).sum()) / (1 + len(chance)))


def _nearest(unit: Floats, k: int) -> Ints:
    """Positions of the ``k`` nearest other places, shape (n, k); of equally near ones the first."""
    tree = KDTree(unit)
    reach = tree.query(unit, k=[k + 1], workers=-1)[0][:, 0] + 10.0**-_DECIMALS
    blocks = [np.arange(start, min(start + _BLOCK, len(unit))) for start in range(0, len(unit), _BLOCK)]
    return np.concatenate([_nearest_of(rows, tree, unit, reach[rows], k) for rows in blocks])


def _nearest_of(rows: Ints, tree: KDTree, unit: Floats, reach: Floats, k: int) -> Ints:
    near = tree.query_ball_point(unit[rows], reach)
    source = np.repeat(rows, [len(some) for some in near])
    target = np.concatenate([np.asarray(some, dtype=np.intp) for some in near])
    source, target = source[source != target], target[source != target]
    distance = np.linalg.norm(unit[source] - unit[target], axis=1).round(_DECIMALS)
    order = np.lexsort((target, distance, source))
    source, target = source[order], target[order]
    rank = np.arange(len(source)) - np.searchsorted(source, source)
    return target[rank < k].reshape(len(rows), k)
