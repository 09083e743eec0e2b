"""How sure a share of hits is."""

from __future__ import annotations

import math

from scipy.stats import norm

from geolivelihood.errors import InputError

__all__ = ["wilson_interval"]


def wilson_interval(hits: float, n: int, *, coverage: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a proportion, for an accuracy over places that err independently.

    Unlike value ± z·se it stays inside 0 ... 1 and keeps its coverage near the ends. Where neighbours err
    together it is too narrow: resample blocks instead (:func:`block_bootstrap`).

    Parameters
    ----------
    hits
        Number of hits, at most ``n``.
    n
        Number of trials, at least 1.
    coverage
        Probability of the interval.

    Returns
    -------
    tuple of float
        Lower and upper end.

    Raises
    ------
    InputError
        If there is no trial, or the hits are negative or more than the trials.

    References
    ----------
    .. [1] Wilson (1927), Probable inference, the law of succession, and statistical inference. JASA 22.

    Examples
    --------
    >>> "%.6f %.6f" % wilson_interval(1134, 1399)
    '0.789206 0.830251'
    """
    if n < 1 or not 0 <= hits <= n:
        msg = f"{hits} hits of {n}: give at least one trial, and hits between 0 and their number."
        raise InputError(msg)
    z = float(norm.ppf((1 + coverage) / 2))
    share, weight = hits / n, 1 + z**2 / n
    middle = (share + z**2 / (2 * n)) / weight
    half = z / weight * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return middle - half, middle + half
