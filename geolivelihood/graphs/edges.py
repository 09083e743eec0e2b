"""Edge weights between the photos of one cluster: kernels of the distance, and their normalisation."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from geolivelihood.errors import InputError

__all__ = [
    "KERNELS",
    "Kernel",
    "Normalise",
    "chance_weights",
    "complete_edges",
    "kernel_weights",
    "normalised",
    "pair_km",
    "typical_km",
]

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Kernel = Literal["inverse_distance", "exponential", "gaussian", "reciprocal"]
Normalise = Literal["row", "sym"]
KERNELS = ("inverse_distance", "exponential", "gaussian", "reciprocal")

# Radius of the published code, and of its weights in paper mode.
PAPER_RADIUS_KM = 6371.0
# Squared chord below which arc = chord (1 + chord²/24) is exact in single precision (some 200 km).
_SHORT = 1e-3


@lru_cache(maxsize=256)
def complete_edges(n: int) -> torch.Tensor:
    """All pairs of ``n`` nodes, neighbour and node, in the order of a matrix; graphs of a size share it."""
    nodes = torch.arange(n)
    return torch.stack([nodes.repeat(n), nodes.repeat_interleave(n)])


def pair_km(vectors: Floats, *, out: Singles | None = None) -> Singles:
    """Great-circle distance between all pairs of places.

    The chord between points of the unit sphere gives the arc. Subtracting the middle first keeps places
    that are metres apart from cancelling.

    Parameters
    ----------
    vectors
        Points on the unit sphere, shape (n, 3).
    out
        Where to write the distances, shape (n, n); default: a new array.

    Returns
    -------
    numpy.ndarray
        Kilometres (R = 6371 km), shape (n, n), ``float32``; the diagonal is exactly 0.
    """
    centred = vectors - vectors.mean(axis=0)
    square = np.einsum("ij,ij->i", centred, centred)
    n = len(centred)
    left, right = np.empty((n, 5)), np.empty((5, n))
    left[:, :3], left[:, 3], left[:, 4] = centred, square, 1.0
    right[:3], right[3], right[4] = -2.0 * centred.T, 1.0, square
    # |a|² − 2ab + |b|² in one product
    squared = (left @ right).astype(np.float32)
    np.abs(squared, out=squared)  # rounding leaves coincident places a hair below zero
    chord = np.sqrt(squared, out=out)
    if 4 * square.max(initial=0.0) <= _SHORT:
        squared *= PAPER_RADIUS_KM / 24
        squared += PAPER_RADIUS_KM
        chord *= squared
    else:
        np.arcsin(np.minimum(chord / 2, 1.0), out=chord)
        chord *= 2 * PAPER_RADIUS_KM
    chord.reshape(-1)[:: n + 1] = 0.0
    return chord


def kernel_weights(
    distance_km: npt.NDArray[np.floating],
    kernel: Kernel,
    *,
    max_km: float,
    bandwidth_km: float,
    epsilon_km: float,
    out: Singles | None = None,
) -> Singles:
    """Weight of each distance, into ``out`` (which may be the distances themselves) or a new array.

    ``inverse_distance`` is 1 − d/``max_km`` (Lee et al. 2021; negative beyond), ``exponential``
    exp(−d/h), ``gaussian`` exp(−d²/2h²) with h = ``bandwidth_km``, and ``reciprocal`` 1/(d + ε) with
    ε = ``epsilon_km``, which bounds it.
    """
    distance = np.asarray(distance_km, dtype=np.float32)
    if kernel == "inverse_distance":
        weight = np.multiply(distance, np.float32(-1 / max_km), out=out)
        weight += np.float32(1)
        return weight
    if kernel == "reciprocal":
        weight = np.add(distance, np.float32(epsilon_km), out=out)
        return np.reciprocal(weight, out=weight)
    weight = np.divide(distance, np.float32(bandwidth_km), out=out)
    if kernel == "gaussian":
        np.multiply(weight, weight, out=weight)
        weight *= np.float32(0.5)
    return np.exp(np.negative(weight, out=weight), out=weight)


def chance_weights(ids: npt.NDArray[np.object_], *, seed: int) -> Singles:
    """Weights uniform on [0, 1) between all pairs of photos, another one each way.

    Each is a hash of the two ids and the seed: no order of rows and no other photo changes it.
    """
    own = pd.util.hash_array(ids, hash_key=f"{seed % 16**16:016x}")
    with np.errstate(over="ignore"):
        mixed = own[:, None] * np.uint64(0x9E3779B97F4A7C15) + own
        # the finaliser of splitmix64 (Steele, Lea & Flood 2014)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    # 24 bits, for single precision rounds more of them up to 1
    return ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)


def typical_km(distance_km: npt.NDArray[np.floating]) -> float:
    """Median distance, the bandwidth where none is given; 1 km where all places are one."""
    median = float(np.median(distance_km)) if distance_km.size else 0.0
    return median if median > 0 else 1.0


def normalised(
    weight: Singles, source: npt.NDArray[np.int64], target: npt.NDArray[np.int64], n: int, how: Normalise
) -> Singles:
    """Weights over the sum of absolute weights at their target (``row``, D⁻¹A) or at the roots of both ends.

    Raises
    ------
    InputError
        If ``how`` is neither ``row`` nor ``sym``.
    """
    if how not in ("row", "sym"):
        msg = f"normalise={how!r}: give 'row', 'sym' or None."
        raise InputError(msg)
    degree = np.bincount(target, weights=np.abs(weight), minlength=n)
    scale = np.divide(1.0, degree, out=np.zeros(n), where=degree > 0)
    factor = scale[target] if how == "row" else np.sqrt(scale[target] * scale[source])
    return (weight * factor).astype(np.float32)
