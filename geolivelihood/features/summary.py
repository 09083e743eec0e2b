"""Moments and quantiles of each band: the cheapest encoder, and hard to beat on coarse imagery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor

from geolivelihood.errors import InputError
from geolivelihood.features.pictures import Picture, Reading

__all__ = ["BandSummary", "band_summary"]

_MOMENTS = ("mean", "sd", "skewness")


class BandSummary:
    """Mean, standard deviation, skewness, extremes and quantiles of each band, in the bands' own units.

    Parameters
    ----------
    quantiles
        Quantiles in 0-1 beside the minimum and maximum.
    correlations
        Whether to add the correlation of each pair of bands.
    size
        Pictures larger than this are read as squares of this side; smaller ones stay as they are.
    fit
        How large pictures become squares: ``"squash"`` or ``"crop"``.
    bands
        Bands to take, counted from 1; ``None`` takes all.

    Raises
    ------
    InputError
        If a quantile lies outside 0-1.
    """

    name = "summary"
    half = False
    batch_size = 64

    def __init__(
        self,
        *,
        quantiles: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95),
        correlations: bool = False,
        size: int = 224,
        fit: Literal["squash", "crop"] = "squash",
        bands: Sequence[int] | None = None,
    ) -> None:
        if any(not 0 <= q <= 1 for q in quantiles):
            msg = f"quantiles={tuple(quantiles)}: give numbers from 0 to 1."
            raise InputError(msg)
        self.quantiles, self.correlations = tuple(float(q) for q in quantiles), correlations
        self.reading = Reading(size=size, fit=fit, bands=None if bands is None else tuple(bands))
        self.n_bands = 0

    @property
    def fitted(self) -> bool:
        """Whether the number of bands is known."""
        return self.n_bands > 0

    @property
    def dim(self) -> int:
        """Number of features."""
        return len(self.feature_names)

    @property
    def feature_names(self) -> list[str]:
        """What each feature is: ``"band1_mean"``..."""
        kinds = [*_MOMENTS, "min", *(f"q{q:g}" for q in self.quantiles), "max"]
        bands = range(1, self.n_bands + 1)
        names = [f"band{band}_{kind}" for band in bands for kind in kinds]
        if self.correlations:
            names += [f"correlation_{a}_{b}" for a in bands for b in range(a + 1, self.n_bands + 1)]
        return names

    def card(self) -> dict[str, Any]:
        """What defines the features, but for the number of bands, as JSON."""
        return {
            "name": self.name,
            "quantiles": list(self.quantiles),
            "correlations": self.correlations,
            "transform": {
                "size": self.reading.size,
                "fit": self.reading.fit,
                "bands": None if self.reading.bands is None else list(self.reading.bands),
            },
        }

    def state(self) -> dict[str, Tensor]:
        """The number of bands, once known."""
        return {"n_bands": torch.tensor(self.n_bands)} if self.fitted else {}

    def restore(self, state: Mapping[str, Tensor]) -> Self:
        """An encoder like this one for the number of bands in ``state``."""
        return self._for_bands(int(state["n_bands"]))

    def fit(self, pictures: Iterable[np.ndarray]) -> Self:
        """An encoder like this one for the number of bands that most of ``pictures`` have."""
        counts = Counter(len(array) for array in pictures)
        if not counts:
            msg = "There is no picture to learn the number of bands from."
            raise InputError(msg)
        return self._for_bands(counts.most_common(1)[0][0])

    def _for_bands(self, n_bands: int) -> Self:
        new = type(self)(
            quantiles=self.quantiles,
            correlations=self.correlations,
            size=self.reading.size or 224,
            fit=self.reading.fit,
            bands=self.reading.bands,
        )
        new.n_bands = n_bands
        return new

    def prepare(self, picture: Picture) -> np.ndarray:
        """Pixels (bands, height, width), NaN = no data.

        Raises
        ------
        InputError
            If the picture has another number of bands than the others, or a band without valid pixels.
        """
        pixels = picture.pixels
        if self.fitted and len(pixels) != self.n_bands:
            msg = f"The picture has {len(pixels)} bands; the others have {self.n_bands}."
            raise InputError(msg)
        void = np.isnan(pixels).all(axis=(1, 2))
        if void.any():
            bands = ", ".join(map(str, np.flatnonzero(void) + 1))
            msg = f"The picture has no valid pixel in band {bands}."
            raise InputError(msg)
        return pixels

    def encode(
        self, batch: Sequence[np.ndarray], *, device: str = "cpu", precision: str = "float32"
    ) -> np.ndarray:
        """Features (n, dim) float32 of prepared pictures; ``device`` and ``precision`` make no difference."""
        features = np.empty((len(batch), self.dim), dtype=np.float32)
        shapes = np.array([array.shape for array in batch])
        for shape in np.unique(shapes, axis=0):  # one array per size of picture
            rows = np.flatnonzero((shapes == shape).all(axis=1))
            pixels = np.stack([batch[i] for i in rows.tolist()])
            features[rows] = band_summary(
                pixels.reshape(*pixels.shape[:2], -1),
                quantiles=self.quantiles,
                correlations=self.correlations,
            )
        return features

    def __repr__(self) -> str:
        """Number of features and bands."""
        return f"BandSummary({self.dim} features of {self.n_bands or 'a number of'} bands)"


def band_summary(pixels: np.ndarray, *, quantiles: Sequence[float], correlations: bool = False) -> np.ndarray:
    """Moments and quantiles of the valid pixels of each band.

    Parameters
    ----------
    pixels
        (n, bands, pixels), NaN = no data.
    quantiles
        In 0-1, interpolated linearly.
    correlations
        Whether to append Pearson's correlation of each pair of bands over the pixels valid in both.

    Returns
    -------
    numpy.ndarray
        (n, features) float64: per band mean, population sd, skewness, minimum, quantiles, maximum. A
        band that does not vary has skewness and correlations 0; one without valid pixels has NaN.
    """
    ordered = np.sort(pixels, axis=2).astype(np.float64)  # NaN goes last
    valid = ~np.isnan(ordered)
    count = valid.sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(valid, ordered, 0).sum(axis=2) / count
        off = np.where(valid, ordered - mean[..., None], 0)
        variance = (off**2).sum(axis=2) / count
        skewness = (off**3).sum(axis=2) / count / variance**1.5
    constant = ordered[..., 0] == np.take_along_axis(ordered, np.maximum(count - 1, 0)[..., None], 2)[..., 0]
    moments = np.stack([mean, np.sqrt(variance), np.where(constant, 0.0, skewness)], axis=2)
    every = np.concatenate([[0.0], np.asarray(quantiles, dtype=float), [1.0]])
    features = np.concatenate([moments, _sorted_quantiles(ordered, count, every)], axis=2)
    flat = features.reshape(len(pixels), -1)
    return np.concatenate([flat, _correlations(pixels)], axis=1) if correlations else flat


def _sorted_quantiles(ordered: np.ndarray, count: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Quantiles (n, bands, q) of sorted pixels of which the first ``count`` are valid."""
    position = quantiles * np.maximum(count - 1, 0)[..., None]
    below = np.floor(position).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(count - 1, 0)[..., None])
    low, high = (np.take_along_axis(ordered, index, axis=2) for index in (below, above))
    return low + (high - low) * (position - below)


def _correlations(pixels: np.ndarray) -> np.ndarray:
    """Pearson's correlation (n, pairs) of bands over the pixels valid in all bands."""
    valid = ~np.isnan(pixels).any(axis=1, keepdims=True)
    values = np.where(valid, pixels, 0).astype(np.float64)
    mean = values.sum(axis=2, keepdims=True) / np.maximum(valid.sum(axis=2, keepdims=True), 1)
    off = np.where(valid, values - mean, 0)
    covariance = off @ off.transpose(0, 2, 1)
    sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    scale = sd[:, :, None] * sd[:, None, :]
    rows, columns = np.triu_indices(pixels.shape[1], k=1)
    ratio = np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > 1e-12)
    return ratio[:, rows, columns]
