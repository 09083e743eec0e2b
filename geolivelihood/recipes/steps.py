"""One stage alone, from files to files: what ``index``, ``embed``, ``graph``, ``train`` ... do."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geolivelihood import cells as h3cells
from geolivelihood import graphs, layers, models, tables
from geolivelihood.errors import InputError, OutputError
from geolivelihood.features import embed, encoder
from geolivelihood.files import atomic
from geolivelihood.recipes.lineup import LineUp
from geolivelihood.recipes.project import ModelChoice
from geolivelihood.recipes.run import open_project

__all__ = [
    "embed_pictures",
    "export_layers",
    "graph_pictures",
    "index_pictures",
    "predict_cells",
    "train_model",
    "write_scores",
]


def index_pictures(
    pictures: str | os.PathLike[str], target: str | os.PathLike[str], *, resolution: int
) -> tuple[dict[str, int], int]:
    """Write one polygon per H3 cell that has pictures, with their number, and the pictures with their cell.

    Returns
    -------
    tuple
        Rows per layer, and the number of rows that were set aside.
    """
    images, rejected = _read(pictures)
    tie = h3cells.image_cells(images, resolution=resolution)
    counts = pd.DataFrame(
        {"pictures": np.asarray(tie.matrix.sum(axis=0))}, index=pd.Index(tie.cells, name="cell")
    )
    polygons = h3cells.cell_polygons(tie.cells)
    made = {
        "images": images,
        "cells": gpd.GeoDataFrame(counts, geometry=polygons.to_numpy(), crs="EPSG:4326"),
    }
    return _write(target, made, rejected, {"command": "index", "resolution": resolution})


def embed_pictures(
    pictures: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    encoder: str,
    weights: str | None = None,
    seed: int = 0,
) -> tuple[dict[str, int], int]:
    """Write the vectors of pictures into a feature store, going on where an earlier run stopped."""
    images, rejected = _read(pictures)
    made = _encoder(encoder, seed=seed) if weights is None else _encoder(encoder, weights=weights, seed=seed)
    store = embed(images, made, store=Path(target))
    return {"vectors": len(store.read())}, len(rejected) + len(store.rejected())


_encoder = encoder


def graph_pictures(
    pictures: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    k: int = 8,
    radius_m: float | None = None,
) -> tuple[dict[str, int], int]:
    """Write pictures as nodes and the links to their nearest ones (or all within a radius) as edges."""
    images, rejected = _read(pictures)
    anchors = images.geometry.representative_point()
    points = np.column_stack([anchors.x, anchors.y])
    if radius_m is None:
        source, order, distance = graphs.knn(points, k=k)
    else:
        source, order, distance = graphs.radius(points, distance_m=radius_m)
    ids = images["image_id"].to_numpy()
    lines = graphs.link_lines(points, source, order)
    edges = lines.assign(source=ids[source], target=ids[order], distance_m=distance)
    nodes = images.set_geometry(anchors)
    return _write(target, {"images": nodes, "edges": edges}, rejected, {"command": "graph", "k": k})


def train_model(
    project: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    model: str | None = None,
    indicator: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Fit one model of a project to all its clusters and save it with its card.

    Returns
    -------
    dict
        What the card says of the training: the model's name and settings, the indicator, the sources.
    """
    _, lineup = open_project(project, overrides=overrides)
    choice = _choose(model or lineup.data.map_model, {m.key: m for m in lineup.project.models}, "model")
    wanted = indicator or (lineup.indicators[0] if lineup.indicators else None)
    name = _choose(wanted, {i: i for i in lineup.indicators}, "indicator")
    trained = {
        "name": choice.key,
        "indicator": name,
        "sources": lineup.data.seen_by(choice),
        "settings": choice.model_dump(),
    }
    models.save(
        lineup.fit(choice, name),
        Path(target),
        extent=lineup.data.clusters.iloc[lineup.rows(name)],
        metrics=lineup.out_of_fold_scores(choice, name),
        data_hashes={stage.name: stage.key for stage in lineup.data.stages()},
        card_extra={"trained": trained},
    )
    return trained


def predict_cells(
    model: str | os.PathLike[str],
    project: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, int]:
    """Write the predictions of a saved model at the cells of a project."""
    fitted = models.load(Path(model))
    card = models.read_card(Path(model))["trained"]
    data, lineup = open_project(project, overrides=overrides)
    settings = ModelChoice.model_validate(card["settings"])
    missing = sorted(set(card["sources"]) - set(data.sources))
    if missing:
        msg = f"{model} was trained with the source {missing[0]!r}, which {project} does not have."
        raise InputError(msg)
    values = lineup.predict_cells(fitted, settings)
    frame = gpd.GeoDataFrame(
        {card["indicator"]: values},
        index=pd.Index(data.cells, name="cell"),
        geometry=h3cells.cell_polygons(data.cells).to_numpy(),
        crs="EPSG:4326",
    )
    written, _ = _write(target, {"cells": frame}, pd.DataFrame(), {"command": "predict", "model": card})
    return written


def write_scores(lineup: LineUp, target: str | os.PathLike[str]) -> pd.DataFrame:
    """Score every model under random and blocked splits and write the tidy table as CSV."""
    scores = lineup.scores()
    with atomic(target) as part:
        scores.to_csv(part, index=False, float_format="%.6g")
    return scores


def export_layers(
    result: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    kind: str,
    names: Sequence[str] | None = None,
) -> list[Path]:
    """Copy layers of a result to GeoJSON or GeoParquet files, or to another GeoPackage.

    Raises
    ------
    InputError
        If the file is no GeoPackage or has no such layer.
    """
    source = Path(result)
    found = layers.layer_names(source)
    for name in names or ():
        _choose(name, {layer: layer for layer in found}, "layer")
    wanted = [name for name in found if names is None or name in names]
    folder = Path(target)
    if kind == "gpkg":
        return [layers.copy_layers(source, folder / source.name, wanted)]
    writers = {"geojson": layers.write_geojson, "geoparquet": layers.write_geoparquet}
    suffix = {"geojson": ".geojson", "geoparquet": ".parquet"}[kind]
    written = []
    for name in wanted:
        path = folder / f"{name}{suffix}"
        if path.exists():
            msg = f"{path} exists. Remove it or name another folder."
            raise OutputError(msg)
        writers[kind](path, gpd.read_file(source, layer=name))
        written.append(path)
    return written


def _read(pictures: str | os.PathLike[str]) -> tables.Checked:
    path = Path(pictures)
    return tables.read_photos(path) if path.is_dir() else tables.read_images(path, root=path.parent)


def _write(
    target: str | os.PathLike[str],
    made: Mapping[str, gpd.GeoDataFrame],
    rejected: pd.DataFrame,
    provenance: Mapping[str, Any],
) -> tuple[dict[str, int], int]:
    whole: dict[str, Any] = dict(made)
    if len(rejected):
        whole["rejected"] = rejected
    layers.write_geopackage(Path(target), whole, provenance=dict(provenance))
    return {name: len(frame) for name, frame in made.items()}, len(rejected)


def _choose(name: str | None, known: Mapping[str, Any], what: str) -> Any:
    if name is None or name not in known:
        msg = f"There is no {what} {name!r}; there are: {', '.join(known) or 'none'}."
        raise InputError(msg)
    return known[name]
