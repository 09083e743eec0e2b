"""Labels that are means over few households: how far each can be trusted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geolivelihood.errors import InputError
from geolivelihood.models.rows import Floats

__all__ = ["check_errors", "label_trust"]

_LEAST_OWN_SHARE = 0.05


def check_errors(se: npt.ArrayLike, rows: int, *, observed: npt.NDArray[np.bool_] | None = None) -> Floats:
    """Standard errors of labels as floats; an unknown one counts as the median of its target.

    A target of which no error is known has errors of 0: its labels all count the same.

    Parameters
    ----------
    se
        Standard error of each label in the unit of the target, shape (rows,) or (rows, targets); NaN =
        unknown.
    rows
        Number of rows it must have.
    observed
        Which labels there are, of the shape that ``se`` must have; default all, of one target. An error
        without a label says nothing and comes back as NaN.

    Raises
    ------
    InputError
        If the shape is another, or an error is negative or infinite.
    """
    there = np.ones(rows, dtype=bool) if observed is None else observed
    error = np.asarray(se, dtype=np.float64)
    if error.shape == there.shape:
        error = np.where(there, error, np.nan)
    with np.errstate(invalid="ignore"):
        wrong = error.shape != there.shape or (error < 0).any() or np.isinf(error).any()
    if wrong:
        count = " x ".join(map(str, there.shape))
        msg = f"se must hold {count} standard errors, not negative, in the unit of the target; NaN = unknown."
        raise InputError(msg)
    error = np.where(np.isnan(error).all(axis=0), 0.0, error)
    return np.where(there, np.where(np.isnan(error), np.nanmedian(error, axis=0), error), np.nan)


def label_trust(se: npt.ArrayLike, model_error: npt.ArrayLike) -> Floats:
    """Weight of each label, 1 / (1 + se²/τ²): a standard error of 0 is not infinite trust.

    τ² is what the model itself misses: its mean squared error less the labels' mean se², and at least 5 %
    of that error, so that labels whose errors are overstated still count.

    Parameters
    ----------
    se
        Standard errors without unknown ones (see :func:`check_errors`), shape (rows,) or (rows, targets);
        NaN = no label, which gets weight 0.
    model_error
        Mean squared error of a model on rows it has not seen, one number or one per target, in the square of
        the same unit.
    """
    variance = np.asarray(se, dtype=np.float64) ** 2
    error = np.asarray(model_error, dtype=np.float64)
    own = np.maximum(np.maximum(error - np.nanmean(variance, axis=0), _LEAST_OWN_SHARE * error), 1e-12)
    return np.nan_to_num(1 / (1 + variance / own), nan=0.0)
