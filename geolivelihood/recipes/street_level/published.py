"""The published figures, to stand beside what is computed."""

from __future__ import annotations

import math

__all__ = ["published_figure"]

_COLUMNS = (("ia", "pov"), ("ia", "pop"), ("ia", "bmi"), ("ke", "pov"), ("ke", "pop"))
_NAN = math.nan

# Accuracy in per cent, and r² = 1 − SSE/SST, of Lee et al. (2021) and its code's README.
_ACCURACY = {
    "random": (50.70, 50.11, 51.47, _NAN, _NAN),
    "neighbours": (63.57, 69.06, 66.17, _NAN, _NAN),
    "image": (74.34, 93.50, 85.28, 73.71, 87.79),
    "counts": (75.77, 91.71, 83.63, 77.34, 89.59),
    "gcn-obj": (72.05, 86.63, 80.13, 71.36, 88.26),
    "gcn-feats": (81.06, 94.71, 89.42, 76.06, 89.67),
    "gcn-both": (80.91, 94.42, 89.56, 75.59, 89.67),
    "rf-50": (74.20, 86.49, _NAN, 74.18, 81.69),
    "gcn-50": (80.99, 94.07, _NAN, 76.53, 89.20),
    "rf-100": (74.98, 89.78, _NAN, 74.18, 86.85),
    "gcn-100": (81.34, 94.50, _NAN, 77.055, 90.14),
}
_R2 = {
    "neighbours": (0.16, 0.66, 0.25, _NAN, _NAN),
    "image": (0.51, 0.85, 0.52, 0.39, 0.90),
    "counts": (0.52, 0.81, 0.54, 0.50, 0.81),
    "gcn-obj": (0.39, 0.86, 0.38, 0.35, 0.80),
    "gcn-feats": (0.54, 0.82, 0.57, 0.42, 0.84),
    "gcn-both": (0.53, 0.89, 0.56, 0.40, 0.85),
    "rf-50": (0.45, 0.67, _NAN, 0.41, 0.51),
    "rf-100": (0.52, 0.76, _NAN, 0.47, 0.58),
    "gcn-50": (0.52, 0.81, _NAN, 0.38, 0.79),
    "gcn-100": (0.51, 0.88, _NAN, 0.36, 0.72),
}
# The published row that a row of ours stands beside.
_BESIDE = {
    "graph-obj": "gcn-obj",
    "graph-feats": "gcn-feats",
    "graph-both": "gcn-both",
}


def published_figure(model: str, country: str, indicator: str, metric: str) -> float:
    """The published figure for a row, accuracy as a share; NaN where none was published."""
    row = (_ACCURACY if metric == "accuracy" else _R2).get(_BESIDE.get(model, model))
    if row is None or (country, indicator) not in _COLUMNS:
        return _NAN
    value = row[_COLUMNS.index((country, indicator))]
    return value / 100 if metric == "accuracy" else value
