"""Class breaks that a reader can say aloud, and their labels for legends."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

__all__ = [
    "class_breaks",
    "number_text",
    "plain_number",
    "quantile_breaks",
    "range_labels",
    "symmetric_breaks",
]

_CROWDED = 0.6
"""Share of the values in one class above which pretty breaks hide the pattern and quantiles take over."""
_SAME = 1e-9
"""Values that differ by less, relative to their size, are one value that arithmetic has blurred."""


def class_breaks(values: npt.ArrayLike, *, classes: int = 9) -> np.ndarray:
    """Bounds of at most ``classes`` classes that hold every finite value.

    Pretty breaks (steps of 1, 2, 2.5 or 5 times a power of ten) where the values spread over them; where one
    class would hold more than 60 % of the values, quantiles rounded to as few digits as keep them apart.

    Parameters
    ----------
    values
        Numbers; what is not finite is ignored.
    classes
        The most classes wanted.

    Returns
    -------
    numpy.ndarray
        Increasing float64 bounds, one more than classes; empty without a finite value, one class where there
        is but one value.
    """
    data = np.asarray(values, dtype=float).ravel()
    data = data[np.isfinite(data)]
    if data.size == 0:
        return np.empty(0)
    low, high = float(data.min()), float(data.max())
    if _one_value(low, high) or not np.isfinite(high - low):
        return np.array([low, high])
    pretty = _stretched(_pretty(*_bulk(data), classes), low, high)
    crowd = np.histogram(data, pretty)[0].max() / data.size
    return _quantiles(data, classes) if crowd > _CROWDED else pretty


def quantile_breaks(values: npt.ArrayLike, *, classes: int = 3) -> np.ndarray:
    """Bounds of at most ``classes`` classes with about as many values in each, rounded to few digits."""
    data = np.asarray(values, dtype=float).ravel()
    data = data[np.isfinite(data)]
    if data.size == 0:
        return np.empty(0)
    low, high = float(data.min()), float(data.max())
    return np.array([low, high]) if _one_value(low, high) else _quantiles(data, classes)


def symmetric_breaks(values: npt.ArrayLike, *, classes: int = 8) -> np.ndarray:
    """Pretty bounds that are mirrored at zero, for differences; at most ``classes`` (even) classes."""
    data = np.asarray(values, dtype=float).ravel()
    data = np.abs(data[np.isfinite(data)])
    if data.size == 0:
        return np.empty(0)
    reach = float(data.max()) or 1.0
    half = _pretty(0.0, reach, max(classes // 2, 1))
    return np.concatenate([-half[:0:-1], half])


def _one_value(low: float, high: float) -> bool:
    return high - low <= _SAME * max(abs(low), abs(high))


def _pretty(low: float, high: float, classes: int) -> np.ndarray:
    """Multiples of a round step around [low, high]; the finest step that needs no more than ``classes``."""
    raw = (high - low) / classes
    power = 10.0 ** np.floor(np.log10(raw)) if raw > 0 else 0.0
    if not (np.isfinite(power) and power > 0):  # values too close or too far apart for round steps
        return np.array([low, high])
    for step in power * np.array([1, 2, 2.5, 5, 10, 20]):
        first, last = np.floor(low / step * (1 + 1e-12)), np.ceil(high / step * (1 - 1e-12))
        if last - first <= classes:
            break
    digits = int(np.clip(2 - np.floor(np.log10(step)), -300, 300))
    bounds = np.round(np.arange(first, last + 1) * step, digits) if digits < 16 else None
    if bounds is None or bounds.size < 2 or not np.all(np.diff(bounds) > 0):
        return np.array([low, high])
    bounds[0], bounds[-1] = min(bounds[0], low), max(bounds[-1], high)
    return bounds


def _bulk(data: np.ndarray) -> tuple[float, float]:
    """The range of all but the outermost hundredths, so that a stray value costs no class."""
    low, high = np.quantile(data, [0.01, 0.99])
    return (float(low), float(high)) if low < high else (float(data.min()), float(data.max()))


def _stretched(bounds: np.ndarray, low: float, high: float) -> np.ndarray:
    """Bounds whose outer classes reach ``low`` and ``high``, still at multiples of the step."""
    step = bounds[1] - bounds[0]
    result = bounds.copy()
    if low < bounds[0]:
        result[0] = min(low, bounds[0] - np.ceil((bounds[0] - low) / step * (1 - 1e-12)) * step)
    if high > bounds[-1]:
        result[-1] = max(high, bounds[-1] + np.ceil((high - bounds[-1]) / step * (1 - 1e-12)) * step)
    return result


def _quantiles(data: np.ndarray, classes: int) -> np.ndarray:
    """Quantiles, distinct, rounded to the fewest significant digits that keep them distinct."""
    exact = np.unique(np.quantile(data, np.linspace(0, 1, classes + 1)))
    for digits in range(2, 8):
        inner = np.unique([float(f"{value:.{digits}g}") for value in exact[1:-1]])
        if inner.size == exact.size - 2:
            break
    inner = inner[(inner > exact[0]) & (inner < exact[-1])]
    return np.concatenate([exact[:1], inner, exact[-1:]])


def number_text(value: float, *, digits: int | None = None) -> str:
    """A number for people: thousands set apart and a true minus.

    ``digits`` decimals, or four significant digits where it is ``None``; powers of ten for numbers too
    large or too small to read.
    """
    size = abs(value)
    if not np.isfinite(value) or size >= 1e12 or 0 < size < 1e-6:
        text = f"{value:.4g}"
    elif digits is not None:
        text = f"{value:,.{digits}f}"
    else:
        decimals = 3 if size == 0 else int(np.clip(3 - np.floor(np.log10(size)), 0, 9))
        text = f"{value:,.{decimals}f}"
        text = text.rstrip("0").rstrip(".") if decimals else text
    zero = not text.strip("-0.,")
    return text.lstrip("-") if zero else text.replace("-", "−")


def plain_number(value: float, *, digits: int = 3) -> str:
    """A number of so many significant digits as one says it: ``"2,880"``, never a power of ten."""
    if value == 0 or not np.isfinite(value):
        return number_text(value)
    return number_text(float(round(value, digits - 1 - int(np.floor(np.log10(abs(value)))))))


def range_labels(breaks: npt.ArrayLike) -> list[str]:
    """Legend labels of classes, such as ``"1,200 – 3,400"``; even steps get the same decimals."""
    bounds = np.asarray(breaks, dtype=float)
    if bounds.size == 0:
        return []
    if bounds.size == 2 and _one_value(*bounds):
        return [number_text(bounds[0])]
    gaps = np.diff(bounds)
    inner = gaps[1:-1] if gaps.size > 3 else gaps
    even = np.allclose(inner, inner[0], rtol=1e-6, atol=0) and inner[0] > 1e-6
    digits = _decimals(inner[0]) if even else None
    texts = [number_text(value, digits=digits) for value in bounds]
    return [f"{low} – {high}" for low, high in pairwise(texts)]


def _decimals(step: float) -> int:
    """Decimals that write a step to three significant digits without trailing zeros."""
    most = int(np.clip(2 - np.floor(np.log10(step)), 0, 9))
    return len(f"{step:.{most}f}".rstrip("0").partition(".")[2]) if most else 0
