"""What a step writes, and what it says of its work."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from geolivelihood import __version__, layers

__all__ = ["SetAside", "Written", "layer_list", "write_layers"]

_TITLES = {
    "images": ("Pictures", "Pictures"),
    "images_overhead": ("Overhead pictures", "Pictures"),
    "edges": ("Links between pictures", "Pictures"),
    "explanations_peaks": ("Where the evidence is strongest", "Explanations"),
    "explanations_nodes": ("Pictures and cells that counted", "Explanations"),
    "explanations_edges": ("Links that counted", "Explanations"),
    "explanations_regions": ("Where most of the evidence lies", "Explanations"),
    "explanations_rasters": ("Pictures with maps of evidence", "Explanations"),
    "explanations_concepts_images": ("Concepts in pictures", "Explanations"),
    "explanations_concepts_clusters": ("Concepts at survey clusters", "Explanations"),
    "explanations_concepts": ("Concepts in cells", "Explanations"),
    "explanations_feature_clusters": ("Kinds of pictures", "Explanations"),
    "explanations_zonal": ("Evidence per area", "Explanations"),
    "explanations_views": ("What the photos see", "Pictures"),
    "clusters": ("Survey clusters", "Survey"),
    "cells_clusters": ("Where each cluster may lie", "Survey"),
    "found": ("What was found", "Map"),
    "cells": ("Cells", "Map"),
    "regions": ("Regions", "Map"),
    "rejected": ("Set aside", "Tables"),
}


class SetAside(NamedTuple):
    """How many rows or pictures could not be used, and where the reasons are."""

    number: int
    what: str
    reasons: str


class Written(NamedTuple):
    """What a step has written: rows by layer or table, and what it set aside."""

    rows: dict[str, int]
    rejected: list[SetAside]


def layer_list(layers: Iterable[str]) -> list[dict[str, Any]]:
    """Name, title, group and order of each layer of a result, for whoever opens the file."""
    return [
        {"name": name, "title": _TITLES[name][0], "group": _TITLES[name][1], "order": order}
        for order, name in enumerate(layers)
    ]


def write_layers(
    target: str | os.PathLike[str],
    made: Mapping[str, pd.DataFrame],
    rejected: pd.DataFrame,
    provenance: Mapping[str, Any],
    *,
    indicators: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Written:
    """Write the layers of a step as a styled GeoPackage, with what was set aside as its layer ``rejected``.

    Parameters
    ----------
    target
        GeoPackage; it must not exist yet.
    made
        Layers by name, in drawing order from the top.
    rejected
        Rows set aside: ``row``, ``column``, ``reason``.
    provenance
        What the layers were made with; version, time and the list of layers are added.
    indicators, labels
        As :func:`~geolivelihood.layers.write_geopackage` takes them.
    """
    whole: dict[str, Any] = dict(made)
    if len(rejected):
        whole["rejected"] = rejected
    told = {
        **provenance,
        "versions": {"geolivelihood": __version__},
        "layers": layer_list(whole),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    layers.write_geopackage(Path(target), whole, provenance=told, indicators=indicators, labels=labels)
    aside = []
    if len(rejected):
        where = f"the layer 'rejected' of {os.fspath(target)}"
        aside = [SetAside(rejected["row"].nunique(), "rows of the table", where)]
    return Written({name: len(frame) for name, frame in made.items()}, aside)
