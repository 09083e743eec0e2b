"""Maps as the papers print them: rectified, stretched per picture, in bytes. For display and comparison."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

__all__ = ["deprocessed", "published_cam"]

Floats = npt.NDArray[np.float64]


def published_cam(maps: npt.ArrayLike, *, size: tuple[int, int] | None = None) -> npt.NDArray[np.uint8]:
    """Grad-CAM pictures: ReLU, bilinear to the picture's size, minimum to maximum, bytes (truncated).

    Each map is stretched to its own range, so that pictures do not compare; an empty one stays black.

    Parameters
    ----------
    maps
        Shape (n, rows, columns).
    size
        Height and width to enlarge to; ``None`` leaves the cells.
    """
    values = torch.from_numpy(np.asarray(maps, dtype=np.float64)).relu()
    if size is not None:
        values = functional.interpolate(values[:, None], size, mode="bilinear")[:, 0]
    low, high = values.amin(dim=(1, 2), keepdim=True), values.amax(dim=(1, 2), keepdim=True)
    scaled = torch.where(high > low, (values - low) / (high - low), 0.0)
    return (255 * scaled).to(torch.uint8).numpy()


def deprocessed(gradients: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Guided gradients as grey pictures: (g − mean)/(sd + 1e-5)·0.1 + 0.5, cut to 0-1, bytes.

    Parameters
    ----------
    gradients
        Of one picture, any shape.
    """
    values = np.asarray(gradients, dtype=np.float64)
    scaled = (values - values.mean()) / (values.std() + 1e-5) * 0.1 + 0.5
    return (255 * np.clip(scaled, 0, 1)).astype(np.uint8)
