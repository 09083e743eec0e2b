"""What the model would have been on other districts: refits on resamples of whole blocks."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from geolivelihood.errors import InputError
from geolivelihood.models.rows import Floats, row_count, take
from geolivelihood.progress import track

__all__ = ["BlockEnsemble"]

_RELIABLE_BLOCKS = 10

Ints = npt.NDArray[np.intp]


class BlockEnsemble(BaseEstimator):
    """An estimator, and its refits on bootstrap resamples of blocks.

    Neighbouring rows tell much the same, so a bootstrap of rows makes a model look surer than it is; here
    whole blocks are drawn with replacement. The spread of the refits is the *parameter part* of the error:
    what the model does not know because it saw these blocks and not others. It is not the whole error.

    A block drawn twice counts with twice the weight where the estimator takes ``sample_weight``, and is
    repeated where it does not: an inner leave-one-out would otherwise find a copy of the row it leaves out.

    Any estimator of this package works, and those of scikit-learn. It is not saved as one file: it is its
    members, each of which :func:`~geolivelihood.models.save` can keep.

    Parameters
    ----------
    estimator
        What to fit; it is cloned and stays as it is.
    n_draws
        Number of refits, at least 2.
    random_state
        Seed of the resamples, and of the members: each gets seeds of its own for every ``random_state`` it
        has.

    Attributes
    ----------
    estimator_
        Fitted to all rows; it makes the predictions.
    draws_
        The refits.
    n_blocks_
        Number of blocks resampled.
    """

    def __init__(self, estimator: Any, *, n_draws: int = 20, random_state: int | None = 0) -> None:
        self.estimator = estimator
        self.n_draws = n_draws
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        *,
        groups: npt.ArrayLike,
        se: npt.ArrayLike | None = None,
        **fit_params: Any,
    ) -> Self:
        """Fit to all rows, then to every resample.

        Parameters
        ----------
        X
            Whatever the estimator learns from: array, frame, list or Tie.
        y
            Target, one row per row of ``X``.
        sample_weight, se
            Weight, and standard error of the label, per row; cut to each resample. Only for estimators whose
            ``fit`` takes them.
        groups
            Block of each row. Passed on, cut, to estimators whose ``fit`` takes ``groups``.
        **fit_params
            Passed to every ``fit`` as they are (``features=``, ``graph=``).

        Raises
        ------
        InputError
            If lengths differ, a row has no block, there is one block only, or fewer than 2 draws are asked
            for.

        Warns
        -----
        UserWarning
            Under 10 blocks: their resamples say little about others.
        """
        rows = row_count(X)
        per_row = {"sample_weight": sample_weight, "se": se}
        given = {name: _per_row(v, rows, name) for name, v in per_row.items() if v is not None}
        self._check(given)
        blocks, target = _blocks(groups, rows), _per_row(y, rows, "y")
        if has_fit_parameter(self.estimator, "groups"):
            given["groups"] = np.asarray(groups)
        self.n_blocks_ = int(blocks.max()) + 1
        self.estimator_ = clone(self.estimator).fit(X, target, **given, **fit_params)
        random = np.random.default_rng(self.random_state)
        self.draws_ = []
        for _ in track(range(self.n_draws), "refitting on resampled blocks"):
            taken, extra = self._resample(_drawn(blocks, target, random), given)
            member = _reseeded(clone(self.estimator), random)
            self.draws_.append(member.fit(take(X, taken), target[taken], **extra, **fit_params))
        return self

    def predict(self, X: Any, **options: Any) -> npt.NDArray[Any]:
        """Prediction of the estimator that has seen all rows; ``options`` go to its ``predict``."""
        check_is_fitted(self)
        return self.estimator_.predict(X, **options)

    def draws(self, predict: Callable[[Any], npt.ArrayLike]) -> npt.NDArray[Any]:
        """What every refit predicts.

        Parameters
        ----------
        predict
            From a fitted estimator to its predictions: ``lambda model: model.predict(X)``, or
            ``lambda model: model.predict_cells()`` for the map.

        Returns
        -------
        numpy.ndarray
            Shape (n_draws, rows), or (n_draws, rows, targets).
        """
        check_is_fitted(self)
        return np.stack([np.asarray(predict(member)) for member in self.draws_])

    def std(self, predict: Callable[[Any], npt.ArrayLike]) -> Floats:
        """Standard deviation (n − 1) of the refits' predictions, shape (rows,); ``predict`` as above."""
        return np.std(self.draws(predict), axis=0, ddof=1)

    def _resample(self, times: Ints, given: dict[str, Any]) -> tuple[Ints, dict[str, Any]]:
        """Rows that were drawn ``times`` times, and what goes with them."""
        if not has_fit_parameter(self.estimator, "sample_weight"):
            rows = np.repeat(np.arange(len(times)), times)
            return rows, {name: values[rows] for name, values in given.items()}
        rows = np.flatnonzero(times)
        extra = {name: values[rows] for name, values in given.items()}
        return rows, extra | {"sample_weight": times[rows] * extra.get("sample_weight", 1.0)}

    def _check(self, given: dict[str, Any]) -> None:
        unknown = [name for name in given if not has_fit_parameter(self.estimator, name)]
        if unknown:
            msg = f"{type(self.estimator).__name__} takes no {' and no '.join(unknown)} to fit. Leave it out."
            raise InputError(msg)
        if self.n_draws < 2:
            msg = f"n_draws={self.n_draws}: at least 2 refits are needed to see how far they differ."
            raise InputError(msg)


def _blocks(groups: npt.ArrayLike, rows: int) -> Ints:
    """Block of each row as 0 ... G − 1."""
    names = _per_row(groups, rows, "groups")
    blocks = pd.factorize(names)[0]
    if (blocks < 0).any():
        msg = f"{int((blocks < 0).sum())} rows have no block (first: row {int(np.argmin(blocks))}). Name one."
        raise InputError(msg)
    found = int(blocks.max(initial=-1)) + 1
    if found < 2:
        msg = f"{found} blocks cannot be resampled. Use smaller blocks."
        raise InputError(msg)
    if found < _RELIABLE_BLOCKS:
        msg = f"{found} blocks are few: the spread of refits on them says little about other blocks"
        warnings.warn(msg, stacklevel=3)
    return blocks


def _drawn(blocks: Ints, target: npt.NDArray[Any], random: np.random.Generator) -> Ints:
    """How often a resample of the blocks takes each row; again where a target is left a single label."""
    size = int(blocks.max()) + 1
    known = np.asarray(pd.notna(target)).reshape(len(target), -1)
    least = np.minimum(known.sum(axis=0), 2)
    while True:
        times = np.bincount(random.integers(size, size=size), minlength=size)[blocks]
        if (known[times > 0].sum(axis=0) >= least).all() and np.count_nonzero(times) > 1:
            return times


def _reseeded(estimator: Any, random: np.random.Generator) -> Any:
    """The estimator with new seeds, its own and those of what it holds."""
    names = [name for name in estimator.get_params() if name.split("__")[-1] == "random_state"]
    return estimator.set_params(**{name: int(random.integers(2**31)) for name in names})


def _per_row(values: npt.ArrayLike, rows: int, name: str) -> npt.NDArray[Any]:
    array = np.asarray(values)
    if array.shape[:1] != (rows,):
        msg = f"{name} has shape {array.shape}, but X has {rows} rows. Give one entry per row."
        raise InputError(msg)
    return array
