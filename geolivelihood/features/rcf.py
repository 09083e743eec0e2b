"""Random convolutional features: patches of the pictures themselves as filters (MOSAIKS).

Rolf et al. (2021), "A generalizable and accessible approach to machine learning with global satellite
imagery", Nature Communications 12:4392; filters after Coates and Ng (2012).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from geolivelihood.errors import InputError
from geolivelihood.features.pictures import Picture, Reading
from geolivelihood.features.weights import state_hash

__all__ = ["RandomConvolutions", "whitened_patches"]

# responses held at a time, in floats: 1 MB stays in a core's cache, which is six times faster than whole
# pictures; a GPU wants enough to be busy
_BLOCK = {"cpu": 250_000, "gpu": 64_000_000}


class RandomConvolutions:
    """Convolve pictures with whitened patches of pictures, rectify, and average over the picture.

    For each filter w there are two features: the picture's mean of max(w*x - bias, 0) and of
    max(-w*x - bias, 0). No label and no downloaded weight is needed, and the number of bands is free, which
    makes it a strong and cheap encoder of satellite imagery of any sensor.

    Parameters
    ----------
    n_features
        Number of features, twice the number of filters.
    kernel
        Side of the patches in pixels.
    size
        Pictures larger than this are read as squares of this side; smaller ones stay as they are.
    bias
        Threshold of the rectifier.
    zca
        Added to the eigenvalues of the patches' covariance before whitening.
    fit
        How large pictures become squares: ``"squash"`` or ``"crop"``.
    bands
        Bands to take, counted from 1; ``None`` takes all.
    seed
        Seed of the patches.

    Notes
    -----
    Bands are standardised with the mean and standard deviation of the sample that the patches come from.
    Pixels without data take no part: a position counts only where all pixels under the filter are valid.
    """

    name = "rcf"
    half = False
    batch_size = 16

    def __init__(
        self,
        *,
        n_features: int = 512,
        kernel: int = 3,
        size: int = 224,
        bias: float = 1.0,
        zca: float = 1e-3,
        fit: Literal["squash", "crop"] = "squash",
        bands: Sequence[int] | None = None,
        seed: int = 0,
    ) -> None:
        if n_features < 2 or n_features % 2 or kernel < 1:
            msg = (
                f"n_features={n_features}, kernel={kernel}: give an even number of features, a kernel from 1."
            )
            raise InputError(msg)
        self.n_features, self.kernel, self.bias, self.zca, self.seed = n_features, kernel, bias, zca, seed
        self.reading = Reading(size=size, fit=fit, bands=None if bands is None else tuple(bands))
        self._state: dict[str, Tensor] = {}

    @property
    def dim(self) -> int:
        """Number of features."""
        return self.n_features

    @property
    def fitted(self) -> bool:
        """Whether the filters are there."""
        return bool(self._state)

    def card(self) -> dict[str, Any]:
        """What defines the features, but for the filters, as JSON."""
        return {
            "name": self.name,
            "dim": self.dim,
            "kernel": self.kernel,
            "bias": self.bias,
            "zca": self.zca,
            "seed": self.seed,
            "transform": {
                "size": self.reading.size,
                "fit": self.reading.fit,
                "bands": None if self.reading.bands is None else list(self.reading.bands),
            },
        }

    def state(self) -> dict[str, Tensor]:
        """Filters (n, bands, kernel, kernel), and mean and sd of the bands."""
        return dict(self._state)

    def restore(self, state: Mapping[str, Tensor]) -> Self:
        """An encoder like this one with the filters of ``state``."""
        new = type(self)(
            n_features=self.n_features,
            kernel=self.kernel,
            size=self.reading.size or 224,
            bias=self.bias,
            zca=self.zca,
            fit=self.reading.fit,
            bands=self.reading.bands,
            seed=self.seed,
        )
        new._state = {key: value.float() for key, value in state.items()}
        return new

    def fit(self, pictures: Iterable[np.ndarray]) -> Self:
        """An encoder like this one whose filters are drawn from ``pictures``.

        Parameters
        ----------
        pictures
            Arrays (bands, height, width) from :meth:`prepare`; the number of bands that most of them have
            is the one that the encoder takes.

        Raises
        ------
        InputError
            If the pictures have no patches without gaps, or are all of one colour.
        """
        sample = list(pictures)
        if not sample:
            msg = "There is no picture to draw patches from."
            raise InputError(msg)
        n_bands = Counter(len(array) for array in sample).most_common(1)[0][0]
        chosen = [array for array in sample if len(array) == n_bands]
        rng = np.random.default_rng(self.seed)
        patches = _draw_patches(chosen, self.kernel, self._n_patches(n_bands), rng)
        mean, sd = _band_moments(chosen)
        filters = whitened_patches(
            (patches - mean[:, None, None]) / sd[:, None, None], n=self.n_features // 2, zca=self.zca
        )
        return self.restore(
            {
                "filters": torch.from_numpy(filters),
                "mean": torch.from_numpy(mean),
                "sd": torch.from_numpy(sd),
            }
        )

    def _n_patches(self, n_bands: int) -> int:
        """Enough patches to estimate their covariance well, and one per filter."""
        return max(self.n_features // 2, 4096, 20 * n_bands * self.kernel**2)

    def prepare(self, picture: Picture) -> np.ndarray:
        """Pixels (bands, height, width) float32 in their own units, NaN = no data.

        Raises
        ------
        InputError
            If the picture is smaller than a filter, or has another number of bands than the filters.
        """
        pixels = picture.pixels.astype(np.float32)
        if min(pixels.shape[1:]) < self.kernel:
            msg = f"The picture has {pixels.shape[2]} x {pixels.shape[1]} pixels; filters have {self.kernel}."
            raise InputError(msg)
        if self.fitted and len(pixels) != len(self._state["mean"]):
            msg = f"The picture has {len(pixels)} bands; the filters of rcf have {len(self._state['mean'])}."
            raise InputError(msg)
        if np.isnan(pixels).any(axis=0).all():
            msg = "The picture has no valid pixel."
            raise InputError(msg)
        return pixels

    def encode(
        self, batch: Sequence[np.ndarray], *, device: str = "cpu", precision: str = "float32"
    ) -> np.ndarray:
        """Features (n, dim) float32 of prepared pictures; NaN where no filter finds a place without gaps.

        Raises
        ------
        InputError
            If the encoder was not fitted.
        """
        if not self.fitted:
            msg = "rcf has no filters yet: call fit with a sample of pictures, or embed, which does it."
            raise InputError(msg)
        state = {key: value.to(device) for key, value in self._state.items()}
        block = _BLOCK["cpu" if device == "cpu" else "gpu"]
        features = np.empty((len(batch), self.dim), dtype=np.float32)
        shapes = np.array([array.shape[1:] for array in batch])
        with torch.inference_mode():
            for shape in np.unique(shapes, axis=0):  # one convolution per size of picture
                rows = np.flatnonzero((shapes == shape).all(axis=1))
                step = max(1, block // int(shape.prod() * self.dim // 2))
                for some in np.split(rows, range(step, len(rows), step)):
                    pixels = torch.from_numpy(np.stack([batch[i] for i in some])).to(device)
                    features[some] = self._means(pixels, state, block).cpu().numpy()
        return features

    def _means(self, pixels: Tensor, state: Mapping[str, Tensor], block: int) -> Tensor:
        """Mean rectified responses (n, dim) of pixels (n, bands, height, width), strip by strip."""
        mean, sd = (state[key].view(1, -1, 1, 1) for key in ("mean", "sd"))
        void = torch.isnan(pixels).any(dim=1, keepdim=True)
        values = torch.where(void, 0.0, (pixels - mean) / sd)
        lines = pixels.shape[2] - self.kernel + 1
        strip = max(1, block // (len(pixels) * pixels.shape[3] * self.dim // 2))
        total = values.new_zeros(len(pixels), self.dim)
        count = values.new_zeros(len(pixels), 1)
        for top in range(0, lines, strip):
            span = slice(top, top + strip + self.kernel - 1)
            response = functional.conv2d(values[:, :, span], state["filters"])
            # max(r - bias, 0) = max(r, bias) - bias: the constant is taken off the mean, in the last line
            both = response.clamp_min(self.bias), response.clamp_max_(-self.bias)
            if void[:, :, span].any():
                valid = 1 - functional.max_pool2d(void[:, :, span].float(), self.kernel, stride=1)
                both = both[0] * valid, both[1] * valid
                count += valid.sum(dim=(2, 3))
            else:
                count += response[0, 0].numel()
            total += torch.cat([part.sum(dim=(2, 3)) for part in both], dim=1)
        above, below = (total / count).chunk(2, dim=1)
        return torch.cat([above - self.bias, -below - self.bias], dim=1)

    def __repr__(self) -> str:
        """Number of features and the filters' hash."""
        drawn = f"filters {state_hash(self._state)[:8]}" if self.fitted else "not fitted"
        return f"RandomConvolutions({self.dim} features, {drawn})"


def _draw_patches(
    pictures: Sequence[np.ndarray], kernel: int, n: int, rng: np.random.Generator
) -> np.ndarray:
    """About ``n`` patches (n, bands, kernel, kernel) without gaps, the same number from each picture."""
    each = -(-n // len(pictures))
    drawn = []
    for array in pictures:  # a sample of a few hundred pictures of different sizes
        windows = np.lib.stride_tricks.sliding_window_view(array, (kernel, kernel), axis=(1, 2))
        rows, columns = (rng.integers(0, windows.shape[axis], each) for axis in (1, 2))
        drawn.append(windows[:, rows, columns].transpose(1, 0, 2, 3))
    patches = np.concatenate(drawn)
    patches = patches[~np.isnan(patches).any(axis=(1, 2, 3))]
    return patches[rng.permutation(len(patches))]


def _band_moments(pictures: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each band over the valid pixels; 1 where a band does not vary."""
    count = sum((~np.isnan(array)).sum(axis=(1, 2)) for array in pictures)
    mean = sum(np.nansum(array, axis=(1, 2), dtype=np.float64) for array in pictures) / np.maximum(count, 1)
    squares = sum(
        np.nansum((array - mean[:, None, None]) ** 2, axis=(1, 2), dtype=np.float64) for array in pictures
    )
    sd = np.sqrt(squares / np.maximum(count, 1))
    return mean, np.where(sd > 0, sd, 1.0)


def whitened_patches(patches: np.ndarray, *, n: int, zca: float) -> np.ndarray:
    """Filters from patches, as MOSAIKS makes them.

    Each patch is centred and divided by its norm; with the covariance C of the patches and the ZCA transform
    M = (C + zca I)^(-1/2), a filter is p M M: whitening both the filter and, implicitly, the picture.

    Parameters
    ----------
    patches
        (m, bands, kernel, kernel), standardised by band. Patches of one colour are left out.
    n
        Number of filters.
    zca
        Regularisation of the whitening.

    Returns
    -------
    numpy.ndarray
        (n, bands, kernel, kernel) float64.

    Raises
    ------
    InputError
        If there is no patch that is not of one colour.
    """
    flat = patches.reshape(len(patches), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(flat, axis=1)
    kept = norms > 1e-6
    if not kept.any():
        msg = "No patch of the sample varies: the pictures are of one colour. Are the bands right?"
        raise InputError(msg)
    flat = flat[kept] / norms[kept, None]
    values, vectors = np.linalg.eigh(flat.T @ flat / len(flat))
    whitening = vectors @ np.diag(1 / (np.maximum(values, 0) + zca)) @ vectors.T
    # fewer patches than filters: take them again (a sample of a few tiny pictures)
    chosen = np.resize(np.arange(len(flat)), n)
    return (flat[chosen] @ whitening).reshape(n, *patches.shape[1:])
