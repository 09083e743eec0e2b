"""Whether maps point at the evidence, where it is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.ndimage import distance_transform_edt

from geolivelihood.errors import InputError
from geolivelihood.explanation.attribution.result import Attribution
from geolivelihood.explanation.faithfulness.cells import cell_of_pixels

__all__ = ["pointing"]

_NEAR, _SIDE = 15.0, 224


def pointing(attribution: Attribution, masks: npt.ArrayLike) -> pd.DataFrame:
    """Whether the maximum of each map lies on the evidence, within 15 px at 224 [1]_.

    Parameters
    ----------
    attribution
        Maps of n pictures.
    masks
        Where the evidence is, shape (n, height, width), bool, in pixels of the input.

    Returns
    -------
    pandas.DataFrame
        One row per picture; NaN where there is no evidence:

        ``hit``
            1 if the maximum lies less than 15 px (of 224) from the mask.
        ``chance``
            How often a random point would: the share of the picture that near the mask.
        ``centre``
            Whether the middle of the picture would: much evidence is in the middle of pictures.
        ``inside``
            Share of the map's positive mass in the mask, each cell spread over the pixels nearest to it.

    Raises
    ------
    InputError
        If the masks are of another number or size.

    References
    ----------
    .. [1] Zhang et al. (2016), Top-down neural attention by excitation backprop, ECCV.
    """
    marked = np.asarray(masks, dtype=bool)
    if marked.shape != (len(attribution), *attribution.size):
        msg = f"masks has the shape {marked.shape}; {(len(attribution), *attribution.size)} is needed."
        raise InputError(msg)
    rows = [_one(attribution, k, mask) for k, mask in enumerate(marked)]
    return pd.DataFrame(rows, columns=["hit", "chance", "centre", "inside"], dtype=float)


def _one(attribution: Attribution, k: int, mask: npt.NDArray[np.bool_]) -> tuple[float, ...]:
    if not mask.any():
        return (np.nan,) * 4
    values = attribution.maps[k]
    near = distance_transform_edt(~mask) < _NEAR * max(mask.shape) / _SIDE
    cell = np.array(np.unravel_index(np.argmax(values), values.shape))
    at = np.clip(attribution.start + attribution.jump * cell, 0, np.array(mask.shape) - 1).astype(int)
    middle = tuple(side // 2 for side in mask.shape)
    return float(near[tuple(at)]), float(near.mean()), float(near[middle]), _inside(attribution, k, mask)


def _inside(attribution: Attribution, k: int, mask: npt.NDArray[np.bool_]) -> float:
    positive = attribution.maps[k].clip(0).ravel()
    if not positive.any():
        return 0.0
    cell = cell_of_pixels(attribution).ravel()
    size = np.bincount(cell, minlength=len(positive))
    share = np.bincount(cell, mask.ravel(), minlength=len(positive)) / np.maximum(size, 1)
    return float(positive @ share / positive.sum())
