"""From the values of a file to what a backbone takes: a range to 0 and 1, then its mean and deviation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from geolivelihood.errors import InputError
from geolivelihood.pretraining.transfer.networks import Source
from geolivelihood.pretraining.transfer.scenes import Scene, read_pixels

__all__ = ["Scaling", "measure"]

Floats = npt.NDArray[np.float32]
_SCENES, _SIDE = 64, 512  # looked at to measure the values
_PERCENTILES = (1.0, 99.0)


class Scaling(NamedTuple):
    """How pixels become inputs.

    Attributes
    ----------
    low, high
        Values that become 0 and 1; those beyond are cut off.
    mean, sd
        Per band, of values from 0 to 1.
    eight_bits
        Whether the pictures hold bytes; others are refused then, as their values mean something else.
    """

    low: float
    high: float
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    eight_bits: bool

    def apply(self, pixels: Floats) -> Floats:
        """Inputs (..., bands, height, width) of pixels in the file's units; no data is the mean, 0."""
        scaled = np.clip((pixels - self.low) / (self.high - self.low), 0, 1)
        mean, sd = (np.asarray(values, np.float32)[:, None, None] for values in (self.mean, self.sd))
        return np.nan_to_num((scaled - mean) / sd, nan=0.0)

    def check(self, scene: Scene) -> None:
        """Refuse a scene that the model cannot read as it was trained.

        Raises
        ------
        InputError
            If the number of bands or the depth differs.
        """
        if len(scene.bands) != len(self.mean):
            msg = (
                f"{scene.path} has {len(scene.bands)} bands to read and the model takes {len(self.mean)}. "
                "Name them with bands=, in the order of the training."
            )
            raise InputError(msg)
        if scene.eight_bits != self.eight_bits:
            trained = "bytes (0 to 255)" if self.eight_bits else f"values from {self.low:g} to {self.high:g}"
            msg = f"{scene.path} holds {scene.dtype}; the model was trained on {trained}. Convert the raster."
            raise InputError(msg)

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> Scaling:
        """The scaling that a card holds."""
        mean, sd = (tuple(map(float, saved[name])) for name in ("mean", "sd"))
        return cls(float(saved["low"]), float(saved["high"]), mean, sd, bool(saved["eight_bits"]))


def measure(
    scenes: Sequence[Scene], source: Source, *, value_range: tuple[float, float] | None = None
) -> Scaling:
    """The scaling for some training pictures and a backbone.

    Parameters
    ----------
    scenes
        Training pictures. Of up to 64 of them the middle is looked at, where something must be measured.
    source
        What the backbone says of its own training is kept.
    value_range
        Values that become 0 and 1. ``None`` takes what the backbone says, else 0 to 255 for bytes, else the
        1st and 99th percentile of the pictures.

    Raises
    ------
    InputError
        If the range is empty or the pictures have no data.
    """
    span = value_range or source.value_range
    if span is None and scenes[0].eight_bits:
        span = (0.0, 255.0)
    mean, sd = source.mean, source.sd
    if span is None or mean is None or sd is None:
        values = _values(scenes)
        if span is None:
            low, high = np.percentile(values[np.isfinite(values)], _PERCENTILES)
            span = (float(low), float(high))
    if not np.isfinite(span).all() or not span[0] < span[1]:
        msg = (
            f"value_range={span}: the first value must be below the second. Give it, or look at the pictures."
        )
        raise InputError(msg)
    if mean is None or sd is None:
        shares = np.clip((values - span[0]) / (span[1] - span[0]), 0, 1)
        mean = tuple(np.nanmean(shares, axis=1).tolist())
        sd = tuple(np.maximum(np.nanstd(shares, axis=1), 1e-3).tolist())
    return Scaling(float(span[0]), float(span[1]), mean, sd, scenes[0].eight_bits)


def _values(scenes: Sequence[Scene]) -> Floats:
    """Values (bands, n) of the middles of some scenes, those without data left out."""
    chosen = [scenes[k] for k in np.unique(np.linspace(0, len(scenes) - 1, _SCENES).astype(int))]
    parts = []
    for scene in chosen:  # a file at a time
        width, height = min(scene.width, _SIDE), min(scene.height, _SIDE)
        window = ((scene.width - width) // 2, (scene.height - height) // 2, width, height)
        parts.append(read_pixels(scene, window).reshape(len(scene.bands), -1))
    values = np.concatenate(parts, axis=1)
    found = values[:, np.isfinite(values).all(axis=0)]
    if not found.size:
        msg = (
            f"The middles of {len(chosen)} pictures have no data. Look at their nodata value and alpha band."
        )
        raise InputError(msg)
    return found
