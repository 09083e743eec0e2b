"""Values and the widths of their intervals in one map: a colour per value that fades with the width."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple
from xml.etree.ElementTree import Element

import numpy as np

from geolivelihood.layers import qml
from geolivelihood.layers.breaks import number_text, quantile_breaks, range_labels
from geolivelihood.layers.palettes import bivariate

__all__ = ["NAME", "Pair", "bivariate_renderer"]

NAME = "value and uncertainty"
"""Of the style of the first indicator; those of others have their name behind it."""


class Pair(NamedTuple):
    """What the two dimensions are: QGIS expressions, their numbers, and the words for the value."""

    value: str
    width: str
    values: np.ndarray
    widths: np.ndarray
    label: str


def bivariate_renderer(
    pair: Pair, symbol: Callable[[str], Element], *, where: str = "", others: list[qml.Rule] | None = None
) -> Element:
    """Nine classes at most, about as many features in each third, with a heading per class of values.

    ``where`` is a condition that all of them have; ``others`` are rules for what is not shown by its value.
    """
    known = np.isfinite(pair.values) & np.isfinite(pair.widths)
    values, widths = (quantile_breaks(numbers[known]) for numbers in (pair.values, pair.widths))
    groups: list[qml.Rule | qml.Group] = []
    if values.size:
        colors = bivariate(values.size - 1, widths.size - 1)
        tests, labels = _tests(pair.value, values), range_labels(values)
        for column, (test, label) in enumerate(zip(tests, labels)):
            rules = [
                qml.Rule(narrow, words, symbol(row[column]))
                for narrow, words, row in zip(_tests(pair.width, widths), _words(widths), colors)
            ]
            condition = " AND ".join(filter(None, [where, test]))
            groups.append(qml.Group(condition, f"{pair.label}: {label}", rules))
    return qml.rules([*groups, *(others or [])])


def _tests(expression: str, breaks: np.ndarray) -> list[str]:
    """Conditions of classes that leave no value out and take none twice."""
    edges = [repr(float(edge)) for edge in breaks]
    signs = [">=", *[">"] * (len(edges) - 2)]
    return [
        f"{expression} {sign} {low} AND {expression} <= {high}"
        for sign, low, high in zip(signs, edges, edges[1:])
    ]


def _words(breaks: np.ndarray) -> list[str]:
    """How wide the intervals of each class are."""
    if breaks.size == 2:
        return [f"interval {range_labels(breaks)[0]} wide"]
    inner = [number_text(edge) for edge in breaks[1:-1]]
    middle = [f"interval {low} – {high} wide" for low, high in pairwise(inner)]
    return [f"interval up to {inner[0]} wide", *middle, f"interval over {inner[-1]} wide"]
