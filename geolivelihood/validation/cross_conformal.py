"""CV+ intervals: each fold's model stands by its own errors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geolivelihood.errors import InputError
from geolivelihood.validation.conformity import Bands
from geolivelihood.validation.quantiles import block_codes, check_alpha, column_quantiles

__all__ = ["cross_conformal"]

_CHUNK_VALUES = 4_000_000  # of a matrix of calibration rows x places, 32 MB


def cross_conformal(
    fold_predictions: npt.ArrayLike,
    residuals: npt.ArrayLike,
    fold: npt.ArrayLike,
    *,
    alpha: float = 0.1,
    blocks: npt.ArrayLike | None = None,
) -> Bands:
    """CV+ intervals: around the fold models' own predictions, not those of a refit [1]_.

    The lower end is the ⌊(n+1)α⌋-th smallest of ŷ_{−k(i)}(x) − R_i, the upper end the ⌈(n+1)(1−α)⌉-th of
    ŷ_{−k(i)}(x) + R_i, with R_i the absolute out-of-fold residual. Coverage is 1 − 2α at least, up to
    O(1/√n), whatever the model; with as many folds as rows it is the jackknife+. Takes O(nm log n).

    Parameters
    ----------
    fold_predictions
        Prediction of each fold's model at the new places, shape (folds, m).
    residuals
        Out-of-fold residuals, shape (n,); NaN are left out.
    fold
        Which fold tested each row, 0 ... folds − 1, shape (n,).
    alpha
        Miscoverage that is aimed at.
    blocks
        Block id of each row: every block then has the same mass (:func:`conformal_quantile`). ``None``:
        rows are independent.

    Returns
    -------
    Bands
        Shape (m,); infinite with too few blocks, NaN where a fold's prediction is.

    Raises
    ------
    InputError
        If shapes do not fit, a fold has no prediction, or no residual is known.

    References
    ----------
    .. [1] Barber, Candès, Ramdas & Tibshirani (2021), Predictive inference with the jackknife+.
    """
    check_alpha(alpha)
    models, error = np.asarray(fold_predictions, dtype=float), np.abs(np.asarray(residuals, dtype=float))
    known, of_fold = ~np.isnan(error), np.asarray(fold)
    _check_folds(models, error, of_fold, known)
    block = np.arange(len(error)) if blocks is None else block_codes(blocks, known)
    error, of_fold, block = error[known], of_fold[known].astype(np.intp), block[known]
    lower, upper = np.full((2, models.shape[1]), np.nan)
    places = np.flatnonzero(~np.isnan(models).any(axis=0))
    step = max(1, _CHUNK_VALUES // len(error))
    for some in (places[i : i + step] for i in range(0, len(places), step)):  # rows x places, bit by bit
        centre = models[of_fold][:, some]
        lower[some] = -column_quantiles(error[:, None] - centre, block, alpha=alpha)
        upper[some] = column_quantiles(error[:, None] + centre, block, alpha=alpha)
    return Bands(lower, upper, np.ones(len(lower), dtype=bool))


def _check_folds(models: npt.NDArray, error: npt.NDArray, fold: npt.NDArray, known: npt.NDArray) -> None:
    if models.ndim != 2 or error.ndim != 1 or fold.shape != error.shape:
        msg = (
            f"fold_predictions {models.shape}, residuals {error.shape} and fold {fold.shape} do not fit. "
            "Give shapes (folds, m), (n,) and (n,)."
        )
        raise InputError(msg)
    if not known.any():
        msg = "No residual is known. Give out-of-fold residuals."
        raise InputError(msg)
    lost = ~np.isin(fold[known], np.arange(len(models)))
    if lost.any():
        msg = (
            f"{int(lost.sum())} rows have a fold without a prediction (first: {fold[known][lost][0]}). Give "
            f"folds 0 to {len(models) - 1}, a row of fold_predictions each."
        )
        raise InputError(msg)
