"""One stage alone, from files to files: what ``index``, ``embed``, ``graph``, ``train`` ... do."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

import geopandas as gpd
import numpy as np
import pandas as pd
from safetensors.torch import load_file

from geolivelihood import cells as h3cells
from geolivelihood import graphs, layers, models, tables
from geolivelihood.errors import InputError, OutputError, StoreMismatchError
from geolivelihood.features import FeatureStore, embed, encoder
from geolivelihood.features.store import REJECTED, STATE, describe
from geolivelihood.features.weights import state_hash
from geolivelihood.files import atomic
from geolivelihood.progress import stage as begin
from geolivelihood.recipes.lineup import LineUp
from geolivelihood.recipes.livelihood import Livelihood
from geolivelihood.recipes.run import open_project
from geolivelihood.recipes.settings import FILE_MODELS, ModelChoice
from geolivelihood.recipes.written import SetAside, Written, write_layers
from geolivelihood.tables.images import require_paths

__all__ = [
    "Reading",
    "SetAside",
    "Written",
    "embed_pictures",
    "export_layers",
    "graph_pictures",
    "index_pictures",
    "predict_cells",
    "train_model",
    "write_scores",
]


class Reading(TypedDict, total=False):
    """How a table of pictures is to be read: see :func:`~geolivelihood.tables.read_images`."""

    crs: str | None
    columns: Mapping[str, str] | str | None
    files: str | None
    kind: Literal["street", "overhead"] | None
    layer: str | None
    numbered: bool
    root: str | os.PathLike[str] | None


def index_pictures(
    pictures: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    resolution: int,
    **reading: Unpack[Reading],
) -> Written:
    """Write one polygon per H3 cell that has pictures, with their number, and the pictures with their cell.

    A footprint counts in each of its cells by its share of area; its ``cell`` is the one that holds most of
    it. A picture that serves several clusters counts once.

    Parameters
    ----------
    pictures
        Table of pictures, or folder of geotagged JPEGs.
    target
        GeoPackage to write.
    resolution
        H3 resolution.
    **reading
        How the table is to be read: ``crs``, ``columns``, ``files``, ``kind``.
    """
    begin("reading pictures")
    images, rejected = _read(pictures, reading)
    begin("indexing to cells")
    tie = h3cells.image_cells(images.drop_duplicates("image_id"), resolution=resolution)
    counts = pd.DataFrame(
        {"pictures": np.asarray(tie.matrix.sum(axis=0))}, index=pd.Index(tie.cells, name="cell")
    )
    polygons = h3cells.cell_polygons(tie.cells)
    made = {
        "images": images.assign(cell=images["image_id"].map(_main_cells(tie)).astype("str")),
        "cells": gpd.GeoDataFrame(counts, geometry=polygons.to_numpy(), crs="EPSG:4326"),
    }
    return write_layers(target, made, rejected, {"command": "index", "resolution": resolution})


def _main_cells(tie: h3cells.Tie) -> pd.Series:
    """Name of the cell that holds most of each picture, indexed by ``image_id``."""
    shares = tie.to_frame().sort_values(["weight", "cell"], ascending=[False, True])
    most = shares.drop_duplicates("row").set_index("row")["cell"]
    return pd.Series(h3cells.cell_names(most.to_numpy(np.uint64)), index=most.index)


def embed_pictures(
    pictures: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    encoder: str,
    weights: str | None = None,
    seed: int = 0,
    max_rejected: float = 0.1,
    **reading: Unpack[Reading],
) -> Written:
    """Write the vectors of pictures into a feature store, going on where an earlier run stopped.

    Rows of the table that cannot be used are in ``table_rejected.csv`` of the store, pictures that cannot be
    embedded in its ``rejected.csv``; a larger share of them than ``max_rejected`` is an error.

    Raises
    ------
    MissingColumnError
        If neither the table nor ``files`` says where the pictures are.
    """
    begin("reading pictures")
    images, rejected = _read(pictures, reading)
    require_paths(images, pictures)
    begin("embedding pictures")
    made = _encoder(encoder, seed=seed) if weights is None else _encoder(encoder, weights=weights, seed=seed)
    store = embed(images.drop_duplicates("image_id"), made, store=Path(target), max_rejected=max_rejected)
    rows = Path(target) / "table_rejected.csv"
    with atomic(rows) as part:
        rejected.to_csv(part, index=False)
    aside = [
        SetAside(rejected["row"].nunique(), "rows of the table", str(rows)),
        SetAside(len(store.rejected()), "pictures", str(Path(target) / REJECTED)),
    ]
    return Written({"vectors": len(store)}, [found for found in aside if found.number])


_encoder = encoder


def graph_pictures(
    pictures: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    k: int = 8,
    radius_m: float | None = None,
    **reading: Unpack[Reading],
) -> Written:
    """Write pictures as nodes and the links to their nearest ones (or all within a radius) as edges.

    A picture that serves several clusters is one node.
    """
    begin("reading pictures")
    images, rejected = _read(pictures, reading)
    begin("linking pictures")
    images = images.drop_duplicates("image_id")
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
    return write_layers(target, {"images": nodes, "edges": edges}, rejected, {"command": "graph", "k": k})


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
        What the card says of the training: the model's name and settings, the indicator, the sources and
        what made their features.
    """
    data, lineup = open_project(project, overrides=overrides)
    choice = _choose(model or lineup.data.map_model, {m.key: m for m in lineup.project.models}, "model")
    wanted = indicator or (lineup.indicators[0] if lineup.indicators else None)
    name = _choose(wanted, {i: i for i in lineup.indicators}, "indicator")
    trained = {
        "name": choice.key,
        "indicator": name,
        "indicators": lineup.learned_with(choice, name),
        "sources": lineup.data.seen_by(choice),
        "settings": choice.model_dump(),
        "features": _encodings(data, choice),
    }
    begin(f"training {choice.key}")
    models.save(
        lineup.fit(choice, name),
        Path(target),
        extent=lineup.sample.clusters.dropna(subset=[name]),
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
    """Write the predictions of a saved model at the cells of a project.

    Raises
    ------
    InputError
        If the model was not saved by :func:`train_model`, or the project lacks one of its sources.
    StoreMismatchError
        If the project's features were made by another encoder than those that the model was trained on.
    """
    fitted = models.load(Path(model))
    card = _training(model)
    data, lineup = open_project(project, overrides=overrides)
    settings = ModelChoice.model_validate(card["settings"] | {"sources": card["sources"]})
    missing = sorted(set(card["sources"]) - set(data.sources))
    if missing:
        msg = f"{model} was trained with the source {missing[0]!r}, which {project} does not have."
        raise InputError(msg)
    _check_encodings(f"the model {model}", card["features"], str(project), _encodings(data, settings))
    begin("predicting cells")
    values = lineup.inputs.at_cells(fitted, settings).reshape(len(data.cells), -1)
    frame = gpd.GeoDataFrame(
        dict(zip(card.get("indicators", [card["indicator"]]), values.T, strict=True)),
        index=pd.Index(data.cells, name="cell"),
        geometry=h3cells.cell_polygons(data.cells).to_numpy(),
        crs="EPSG:4326",
    )
    return write_layers(target, {"cells": frame}, pd.DataFrame(), {"command": "predict", "model": card}).rows


def _training(model: str | os.PathLike[str]) -> dict[str, Any]:
    """What the card of a model says of its training."""
    trained = models.read_card(Path(model)).get("trained")
    wanted = {"indicator", "sources", "settings", "features"}
    if not isinstance(trained, dict) or not wanted <= set(trained):
        msg = f"The card of {model} does not say what it was trained on. Save it by: geolivelihood train."
        raise InputError(msg)
    return trained


def _encodings(data: Livelihood, choice: ModelChoice) -> dict[str, dict[str, Any]]:
    """What made the vectors that a model sees, by source; object counts have no encoder."""
    if choice.name in FILE_MODELS:  # which see the pictures themselves
        return {}
    found = {}
    for name in data.seen_by(choice):
        if data.source(name).encoder is None:
            continue
        data.features(name)  # makes the store if it is not there yet
        store = FeatureStore(data.space.path(data.features_stage(name)))
        learned = store.path / STATE
        found[name] = {
            "encoder": store.manifest["encoder"],
            "fingerprint": store.manifest["fingerprint"],
            "learned": state_hash(load_file(learned)) if learned.exists() else None,
        }
    return found


def _check_encodings(model: str, trained: Mapping[str, Any], project: str, there: Mapping[str, Any]) -> None:
    for name in sorted(set(trained) | set(there)):
        first, second = trained.get(name), there.get(name)
        if first and second and first["fingerprint"] == second["fingerprint"]:
            continue
        msg = (
            f"The source {name!r} of {model} was encoded by {_told(first)}, that of {project} by "
            f"{_told(second)}. {_difference(first, second)}"
        )
        raise StoreMismatchError(msg)


def _told(encoding: Mapping[str, Any] | None) -> str:
    if encoding is None:
        return "object counts"
    name = describe(encoding["encoder"])
    if name == "rcf" and encoding["learned"]:
        return f"rcf with the filters {encoding['learned'][:8]}"
    return f"{name}, {encoding['fingerprint'][:8]}"


def _difference(first: Mapping[str, Any] | None, second: Mapping[str, Any] | None) -> str:
    """In what two encodings differ, and what to do about it."""
    made, asked = (dict(encoding["encoder"]) if encoding else {} for encoding in (first, second))
    keys = [key for key in sorted(set(made) | set(asked)) if made.get(key) != asked.get(key)]
    keys = [key for key in keys if key != "weights"]
    remedy = "Give the source the model's encoder and seed, or train a model on this project."
    if keys and first and second:
        return f"They differ in {', '.join(f'{k} ({made.get(k)} / {asked.get(k)})' for k in keys)}. {remedy}"
    if keys:
        return remedy
    if made["name"] == "rcf":
        return (
            "rcf draws its filters from the pictures of each project, so its models can only predict a "
            "project with the same filters. For a model that is to predict other projects, train with the "
            "encoder summary or a backbone (resnet18); else train a model on this project."
        )
    return f"What the encoder learned from the pictures differs (their number of bands). {remedy}"


def write_scores(lineup: LineUp, target: str | os.PathLike[str]) -> pd.DataFrame:
    """Score every model under the splits of its project and write the tidy table as CSV."""
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


def _read(pictures: str | os.PathLike[str], reading: Reading) -> tables.Checked:
    path = Path(pictures)
    if not path.is_dir():
        return tables.read_images(path, **reading)
    useless = [name for name in ("crs", "columns", "files") if reading.get(name) is not None]
    if useless:
        msg = (
            f"{path} is a folder of photos, which say themselves where they were taken: leave out "
            f"{', '.join(useless)}, or give a table."
        )
        raise InputError(msg)
    return tables.read_photos(path, kind=reading.get("kind") or "street")


def _choose(name: str | None, known: Mapping[str, Any], what: str) -> Any:
    if name is None or name not in known:
        msg = f"There is no {what} {name!r}; there are: {', '.join(known) or 'none'}."
        raise InputError(msg)
    return known[name]
