"""The rows of the published table, as published."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import r2_score as r2

from geolivelihood.models import paper
from geolivelihood.recipes.street_level.cells import (
    PUBLISHED,
    Cell,
    Row,
    Score,
    Settings,
    accuracy_score,
    block_score,
    check_learnable,
    share_score,
)
from geolivelihood.recipes.street_level.data import Part, StreetData, picture_files

__all__ = ["PAPER_ROWS", "paper_scores"]

Floats = npt.NDArray[np.float64]
Made = Callable[[StreetData, Cell, Settings], list[Score]]


def paper_scores(data: StreetData, cell: Cell, settings: Settings) -> list[Score]:
    """Scores of a cell of the published table, one per country."""
    return PAPER_ROWS[cell.model].make(data, cell, settings)


def _parts(data: StreetData, cell: Cell) -> tuple[str, Part, Part]:
    (country,) = cell.countries
    train, held = (data.part(country, split, cell.indicator) for split in ("train", "val"))
    check_learnable(train.target(classes=cell.classes), f"{country} for {cell.indicator}")
    return country, train, held


def _target(data: StreetData, country: str, part: Part, cell: Cell) -> Floats:
    return part.target(classes=True) if cell.classes else data.scaled(country, cell.indicator, part.value)


def _scored(cell: Cell, country: str, ids: npt.ArrayLike, y: Floats, p: Floats, **more: Any) -> Score:
    if cell.classes:
        return accuracy_score(y, p, country=country, split=PUBLISHED, **more)
    return block_score(y, p, ids, country=country, split=PUBLISHED, **more)


def _coins(data: StreetData, cell: Cell, settings: Settings) -> list[Score]:
    country, _, held = _parts(data, cell)
    listed = len(data.listed(country, "val"))
    hits = float((paper.coin_flips(len(held.ids), seed=settings.seed) == held.target(classes=True)).sum())
    note = f"hits over all {listed} listed clusters, with photos or without"
    return [share_score(hits, listed, country=country, split=PUBLISHED, note=note)]


def _neighbours(data: StreetData, cell: Cell, settings: Settings) -> list[Score]:
    country, train, held = _parts(data, cell)
    counts = data.clusters["photos"]
    predicted = paper.average_neighbours(
        data.lonlat(train.ids),
        train.target(classes=cell.classes),
        counts[train.ids].to_numpy(),
        data.lonlat(held.ids),
        classes=cell.classes,
    )
    # Scored per photo row, as published; photos of a cluster are right or wrong together.
    rows = np.repeat(np.arange(len(held.ids)), counts[held.ids])
    truth = held.target(classes=cell.classes)
    note = "per photo row"
    score = block_score(
        truth[rows], predicted[rows], rows, country=country, split=PUBLISHED, metric=cell.metric, note=note
    )
    return [score]


def _images(data: StreetData, cell: Cell, settings: Settings, *, backbone: str = "resnet34") -> list[Score]:
    country, train, held = _parts(data, cell)
    files = picture_files(data.photos)
    parts = [_image_rows(data, country, part, cell, files.notna().to_numpy()) for part in (train, held)]
    (paths, y, _), (held_paths, held_y, owner) = (
        (files.iloc[rows].tolist(), y, owner) for rows, y, owner in parts
    )
    network = paper.image_network(
        backbone, classes=cell.classes, weights=settings.weights, seed=settings.seed
    )
    trace = paper.fit_imagewise(
        network,
        paths,
        y,
        held_paths,
        held_y,
        classes=cell.classes,
        epochs=settings.scaled(10),
        learning_rate=1e-3 if cell.classes else 1e-4,
        size=settings.picture_size,
        device=settings.device,
        seed=settings.seed,
    )
    start = "random start" if settings.weights == "random" else f"start {settings.weights}"
    note = f"{start}, epoch {trace.epoch + 1} of {len(trace.scores)}, chosen on the scored photos"
    if not cell.classes:
        seen = np.isfinite(trace.prediction)
        score = _scored(
            cell, country, owner[seen], held_y[seen], trace.prediction[seen], note=f"per photo; {note}"
        )
        return [score]
    vote = paper.majority_vote(trace.prediction, owner, clusters=len(held.ids))
    seen = np.isfinite(vote)
    return [
        _scored(
            cell,
            country,
            np.array(held.ids)[seen],
            held.label[seen],
            vote[seen],
            note=f"majority vote; {note}",
        )
    ]


def _image_rows(
    data: StreetData, country: str, part: Part, cell: Cell, there: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.int64]]:
    """Photos with a file, their labels and the place of their cluster among those of the part."""
    photos = data.photos_of(part.ids)
    owner = np.repeat(np.arange(len(photos)), [len(rows) for rows in photos])
    rows = np.concatenate(photos)
    order = np.argsort(rows, kind="stable")  # table order, on which ties of the vote depend
    rows, owner = rows[order], owner[order]
    kept = there[rows]
    return rows[kept], _target(data, country, part, cell)[owner[kept]], owner[kept]


def _vectors(data: StreetData, ids: Sequence[str]) -> Floats:
    photos = data.photos_of(ids)
    owner = np.repeat(np.arange(len(photos)), [len(rows) for rows in photos])
    return paper.cluster_vectors(data.paper_counts[np.concatenate(photos)], owner, clusters=len(ids))


def _counts(data: StreetData, cell: Cell, settings: Settings) -> list[Score]:
    country, train, held = _parts(data, cell)
    X, held_X = _vectors(data, train.ids), _vectors(data, held.ids)
    y, held_y = (_target(data, country, part, cell) for part in (train, held))
    predicted = {}
    # One after the other: together they would compete for the same cores.
    for name, model in paper.count_models(classes=cell.classes, seed=settings.seed).items():
        predicted[name] = np.asarray(model.fit(X, y).predict(held_X), dtype=float)
    measure = (lambda p: (p == held_y).mean()) if cell.classes else (lambda p: r2(held_y, p))
    values = {name: float(measure(p)) for name, p in predicted.items()}
    best = max(values, key=lambda name: values[name])
    every = ", ".join(f"{name} {value:.3f}" for name, value in values.items())
    note = f"best of five on the scored clusters: {best} ({every})"
    return [_scored(cell, country, held.ids, held_y, predicted[best], maximum=values[best], note=note)]


def _mlp(data: StreetData, cell: Cell, settings: Settings) -> list[Score]:
    country, train, held = _parts(data, cell)
    y, held_y = (_target(data, country, part, cell) for part in (train, held))
    model = paper.CountsMLP(epochs=settings.scaled(300), random_state=settings.seed)
    predicted = model.fit(_vectors(data, train.ids), y).predict(_vectors(data, held.ids))
    return [_scored(cell, country, held.ids, held_y, predicted)]


def _graphs(
    data: StreetData, ids: Sequence[str], cell: Cell, settings: Settings, *, vertices: str, edges: str
) -> paper.DenseGraphs:
    """Dense graphs of clusters; features are read for their photos alone."""
    whole = data.photos_of(ids)
    starts = np.concatenate([[0], np.cumsum([len(rows) for rows in whole])])
    photos = paper.sample_photos(np.concatenate(whole), starts, ids, most=settings.nodes, seed=settings.seed)
    rows = np.concatenate(photos)
    ends = np.cumsum([len(some) for some in photos])[:-1]
    feats = vertices != "obj"
    path = data.feature_file(cell.indicator, classes=cell.classes) if feats else None
    return paper.DenseGraphs(
        np.split(np.arange(len(rows)), ends),
        data.photos.geometry.iloc[rows].get_coordinates().to_numpy(),
        features=None if path is None else data.features(path, rows),
        counts=data.paper_counts[rows],
        classes=data.counts[rows],
        vertices=vertices,
        edges=edges,
        nodes=settings.nodes,
        seed=settings.seed,
        keys=ids,
    )


def _gcn(vertices: str, edges: str = "inv") -> Made:
    """The graph network on some nodes and edges."""

    def make(data: StreetData, cell: Cell, settings: Settings) -> list[Score]:
        country, train, held = _parts(data, cell)
        parts: list[Any] = []
        for part in (train, held):
            graphs = _graphs(data, part.ids, cell, settings, vertices=vertices, edges=edges)
            parts += [graphs, _target(data, country, part, cell)]
        trace = _trained(*parts, cell=cell, settings=settings)
        return [_of_trace(trace, cell, country, held.ids, parts[3])]

    return make


def _trained(*parts: Any, cell: Cell, settings: Settings) -> paper.Trace:
    return paper.fit_graphcnn(
        *parts,
        classes=cell.classes,
        steps=settings.steps,
        device=settings.device,
        seed=settings.seed,
    )


def _of_trace(trace: paper.Trace, cell: Cell, country: str, ids: Sequence[str], y: Floats) -> Score:
    """The published score: the maximum over evaluations, an r² below 0 raised to it."""
    score = _scored(cell, country, ids, y, trace.predictions[trace.best])
    note = f"maximum of {len(trace.scores)} evaluations"
    floor = 0.0 if not cell.classes else -np.inf
    value, lower, upper = (max(number, floor) for number in (score.value, score.lower, score.upper))
    return replace(
        score, value=value, lower=lower, upper=upper, final=trace.scores[-1], maximum=value, note=note
    )


def _pool(
    data: StreetData, cell: Cell, settings: Settings, share: float
) -> tuple[list[str], Floats, dict[str, Part]]:
    """Training clusters of all countries together with their targets, and what each is scored on.

    Labels are cut, and values scaled, in each country: a median of the pool would tell the countries apart.
    """
    train = {country: data.part(country, "train", cell.indicator) for country in cell.countries}
    drawn = paper.pooled_clusters(
        {country: part.ids for country, part in train.items()}, share=share, seed=settings.seed
    )
    ids = [name for some in drawn.values() for name in some]
    parts = []
    for country, part in train.items():
        target = _target(data, country, part, cell)
        check_learnable(target, f"{country} for {cell.indicator}")
        parts.append(target[np.isin(part.ids, drawn[country])])
    held = {country: data.part(country, "val", cell.indicator) for country in cell.countries}
    y = np.concatenate(parts)
    check_learnable(y, f"{', '.join(cell.countries)} for {cell.indicator}, as drawn")
    return ids, y, held


def _pooled_forest(share: float) -> Made:
    def make(data: StreetData, cell: Cell, settings: Settings) -> list[Score]:
        ids, y, held = _pool(data, cell, settings, share)
        models = paper.count_models(classes=cell.classes, seed=settings.seed)
        model = models["forest 300"].fit(_vectors(data, ids), y)
        scores = []
        for country, part in held.items():
            predicted = np.asarray(model.predict(_vectors(data, part.ids)), dtype=float)
            target = _target(data, country, part, cell)
            scores.append(_scored(cell, country, part.ids, target, predicted, note="forest of 300 trees"))
        return scores

    return make


def _pooled_gcn(share: float) -> Made:
    def make(data: StreetData, cell: Cell, settings: Settings) -> list[Score]:
        ids, y, held = _pool(data, cell, settings, share)
        options = {"vertices": "both", "edges": "inv"}
        targets = {country: _target(data, country, part, cell) for country, part in held.items()}
        train, validation = (
            _graphs(data, names, cell, settings, **options)
            for names in (ids, [name for part in held.values() for name in part.ids])
        )
        trace = _trained(
            train, y, validation, np.concatenate(list(targets.values())), cell=cell, settings=settings
        )
        scores, first = [], 0
        for country, target in targets.items():  # each country has a maximum of its own
            rows = slice(first, first := first + len(target))
            own = paper.Trace.of(trace.steps, trace.predictions[:, rows], target, classes=cell.classes)
            scores.append(_of_trace(own, cell, country, held[country].ids, target))
        return scores

    return make


PAPER_ROWS = {
    "random": Row("Random", _coins, only="accuracy", steps=False),
    "neighbours": Row("Avg neighbours", _neighbours, steps=False),
    "image": Row("Image-wise", _images, pictures=True),
    "image-18": Row(
        "Image-wise, ResNet-18", partial(_images, backbone="resnet18"), usual=False, pictures=True
    ),
    "counts": Row("Cluster-wise", _counts, steps=False),
    "mlp": Row("Cluster-wise MLP", _mlp, only="r2"),
    "gcn-obj": Row("GCN obj", _gcn("obj")),
    "gcn-feats": Row("GCN feats", _gcn("feats"), features=True),
    "gcn-both": Row("GCN both", _gcn("both"), features=True),
    "gcn-random-edges": Row("GCN both, random edges", _gcn("both", "none"), usual=False, features=True),
    "gcn-obj-sim": Row("GCN both, object edges", _gcn("both", "obj_sim"), usual=False, features=True),
    "rf-50": Row("RF 50% pooled", _pooled_forest(0.5), pooled=True, steps=False),
    "gcn-50": Row("GCN 50% pooled", _pooled_gcn(0.5), pooled=True, features=True),
    "rf-100": Row("RF 100% pooled", _pooled_forest(1.0), pooled=True, steps=False),
    "gcn-100": Row("GCN 100% pooled", _pooled_gcn(1.0), pooled=True, features=True),
}
"""Models of the published table by their short name; those that are not ``usual`` are made when asked for."""
