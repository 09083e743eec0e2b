"""Several targets of which one may have no labels here: the others are learned, and it is said."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.errors import InputError
from geolivelihood.models.label_errors import check_errors
from geolivelihood.models.rows import Floats, check_targets

__all__ = [
    "Learned",
    "balanced",
    "learnable_errors",
    "learnable_targets",
    "restored_learned",
    "spread_targets",
]

# Which of several targets are learned; None for a single one, whose predictions have shape (rows,).
Learned = npt.NDArray[np.bool_] | None

_log = logging.getLogger(__name__)
_LEAST = 2


def learnable_targets(y: npt.ArrayLike, *, weights: Floats) -> tuple[Floats, Learned]:
    """Targets that have labels to learn from, and which of the given ones these are.

    An indicator that a fold knows nothing of is no reason to learn nothing of the others.

    Parameters
    ----------
    y
        Shape (rows,) for one target; (rows, targets) for several, NaN where one is missing.
    weights
        One per row; labels of weight 0 count as missing.

    Returns
    -------
    target
        Shape (rows,), or (rows, learned).
    learned
        Shape (targets,); ``None`` for one target.

    Raises
    ------
    InputError
        If a single target has a missing value, or no target has two known ones; and as
        :func:`~geolivelihood.models.rows.check_targets` raises.
    """
    rows = len(weights)
    if np.ndim(y) != 2 or len(table := pd.DataFrame(y)) != rows:
        return check_targets(y, rows=rows), None
    known = table.notna().to_numpy() & (weights[:, None] > 0)
    learned = known.sum(axis=0) >= _LEAST
    if not learned.any():
        msg = f"None of the {table.shape[1]} targets has {_LEAST} known values to learn from."
        raise InputError(msg)
    if not learned.all():
        names = ", ".join(map(str, table.columns[~learned]))
        _log.warning("Targets with fewer than %d known values are predicted as NaN: %s.", _LEAST, names)
    return check_targets(table.loc[:, learned], rows=rows), learned


def learnable_errors(se: npt.ArrayLike | None, target: Floats, learned: Learned) -> Floats | None:
    """Standard errors, in the shape of ``y``, of the targets that are learned; see :func:`check_errors`."""
    if se is None:
        return None
    given = np.asarray(se, dtype=np.float64)
    if learned is not None and given.shape == (len(target), len(learned)):
        given = given[:, learned]
    return check_errors(given, len(target), observed=~np.isnan(target))


def balanced(weights: Floats) -> Floats:
    """Weights (rows, targets) by which every target counts alike, however many labels it has."""
    if weights.ndim == 1:
        return weights
    total = weights.sum(axis=0)
    return weights * (total.mean() / total)


def spread_targets(values: Floats, learned: Learned) -> Floats:
    """Predictions (rows, learned) as those of all targets, NaN where one was not learned."""
    if learned is None:
        return values[:, 0]
    whole = np.full((len(values), len(learned)), np.nan)
    whole[:, learned] = values
    return whole


def restored_learned(saved: Sequence[bool] | None) -> Learned:
    """What a card says of the targets that were learned."""
    return None if saved is None else np.array(saved, dtype=bool)
