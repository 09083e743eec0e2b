"""Our own rows on the published data: the final score on clusters that our models never saw, two splits.

Both splits score the published validation clusters with models that saw published training clusters only.
For the published features that is not enough: the network behind them learned the training labels, so that
features of training clusters are in-sample, and kept the epoch that was best on the validation clusters,
which are the test here. Rows that read them say so in a note. The splits differ in which
training clusters are allowed: under ``random`` all that share no photo with a test cluster, under ``blocked``
those outside the H3 blocks of the test clusters, and a buffer around them, as well.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood import models
from geolivelihood.cells import blocks
from geolivelihood.errors import InputError
from geolivelihood.graphs import cluster_graphs
from geolivelihood.models.paper import sample_photos
from geolivelihood.models.training import watching
from geolivelihood.recipes.street_level.cells import (
    Cell,
    Row,
    Score,
    Settings,
    accuracy_score,
    block_score,
    check_learnable,
)
from geolivelihood.recipes.street_level.data import StreetData, picture_files
from geolivelihood.tables.published_features import FEATURE_WIDTH
from geolivelihood.validation import (
    BlockKFold,
    PictureLinks,
    block_resolution,
    picture_groups,
    picture_links,
    r2,
)

__all__ = ["OUR_ROWS", "Places", "our_scores"]

_PICTURES = 24  # of a cluster, for the networks on pictures: they see 8 at a time
_FEWEST = 10  # training clusters below which nothing is learned
_NOT_HONEST = (
    "the backbone saw the training labels and chose its epoch on these test clusters: not an honest score"
)
_SPARSE = {"edges": "knn", "normalise": "row"}  # within a village dense edges are nearly all ones

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]


def our_scores(data: StreetData, cell: Cell, settings: Settings) -> list[Score]:
    """The score of one of our models in one country under one split."""
    (country,) = cell.countries
    places = Places(data, country, cell.indicator, settings)
    inputs = OUR_ROWS[cell.model].make(data, places.ids, cell, settings)
    return [_score(places, inputs, cell)]


class Places:
    """Clusters of a country that have the indicator and photos, and their splits.

    Parameters
    ----------
    data, country, indicator, settings
        What is scored, and how.
    """

    def __init__(self, data: StreetData, country: str, indicator: str, settings: Settings) -> None:
        self.country, self.settings = country, settings
        parts = [data.part(country, split, indicator) for split in ("train", "val")]
        self.ids = [name for part in parts for name in part.ids]
        self.value = np.concatenate([part.value for part in parts])
        self.tested = np.arange(len(self.ids)) >= len(parts[0].ids)
        self.points = data.clusters.loc[self.ids]
        self.own_photos = data.photos[data.photos["cluster_id"].isin(set(self.ids))]

    @cached_property
    def links(self) -> PictureLinks:
        """Which cluster (row) uses which photo (column)."""
        found = picture_links(self.own_photos["image_id"], self.own_photos["cluster_id"])
        return PictureLinks(found.matrix[found.clusters.get_indexer(self.ids)], pd.Index(self.ids))

    @cached_property
    def blocks(self) -> npt.NDArray[np.uint64]:
        """H3 block of each cluster."""
        folds = self.settings.folds
        return blocks(self.points, resolution=block_resolution(self.points, n_splits=folds, quiet=True))

    @cached_property
    def photo_groups(self) -> npt.NDArray[np.int64]:
        """Group of each cluster: those joined by shared photos are one."""
        groups = picture_groups(self.own_photos["image_id"], self.own_photos["cluster_id"])
        return groups[self.ids].to_numpy()

    def folds(self, split: str) -> Iterator[tuple[Ints, Ints]]:
        """Training and test positions; together the folds test every validation cluster once."""
        if split == "random":
            shared = self.links.matrix[self.tested].sum(axis=0) > 0
            yield np.flatnonzero(~self.tested & ~(self.links.matrix @ shared)), np.flatnonzero(self.tested)
            return
        splitter = BlockKFold(
            self.settings.folds,
            resolution=block_resolution(self.points, n_splits=self.settings.folds, quiet=True),
            buffer_m=1000 * self.settings.buffer_km,
            random_state=self.settings.seed,
        )
        for train, test in splitter.split(self.points, groups=self.links.matrix):
            if self.tested[test].any():
                yield train[~self.tested[train]], test[self.tested[test]]

    def inner_groups(self, split: str) -> npt.NDArray[Any]:
        """What models hold out whole to choose their epoch: the question inside is the one outside."""
        return self.photo_groups if split == "random" else self.blocks


@dataclass(frozen=True)
class _Inputs:
    """What a model learns from, a row per cluster, and how its estimator is made."""

    X: Any
    make: Callable[[], Any]
    note: str = ""
    watched: bool = False


class _Answers(NamedTuple):
    """Answers of some folds: rows tested, truth, predictions of the final model and of the best epoch.

    And the final model's probabilities of the upper class, NaN where there are none.
    """

    rows: Ints
    truth: Floats
    final: Floats
    best: Floats
    proba: Floats


def _score(places: Places, inputs: _Inputs, cell: Cell) -> Score:
    measure = _accuracy if cell.classes else _r2
    folds, sizes = list[_Answers](), list[int]()
    for train, test in places.folds(cell.split):
        _check_training(train, places)
        # The threshold is learned, too: the median of the clusters that are trained on.
        y = (places.value >= np.median(places.value[train])).astype(float) if cell.classes else places.value
        check_learnable(y[train], f"{places.country} for {cell.indicator}")
        seen, proba = _fitted(
            inputs, train, test, y, places.inner_groups(cell.split)[train], classes=cell.classes
        )
        best = max(seen, key=lambda predicted: measure(y[test], predicted))
        folds.append(_Answers(test, y[test], seen[-1], best, proba))
        sizes.append(len(train))
    found = _Answers(*map(np.concatenate, zip(*folds)))
    about: dict[str, Any] = {
        "country": places.country,
        "split": cell.split,
        "trained": _sizes(sizes, places),
        "note": inputs.note,
    }
    if inputs.watched:
        final, maximum = (measure(found.truth, p) for p in (found.final, found.best))
        about |= {"final": final, "maximum": maximum}
    if cell.classes:
        about["proba"] = None if np.isnan(found.proba).any() else found.proba
    if cell.classes and cell.split == "random":
        return accuracy_score(found.truth, found.final, **about)
    # Clusters of a block are right or wrong together: Wilson's interval, which counts each, is too short.
    blocks_of, metric = places.blocks[found.rows], cell.metric
    return block_score(found.truth, found.final, blocks_of, metric=metric, interval="H3 blocks", **about)


def _check_training(train: Ints, places: Places) -> None:
    if len(train) < _FEWEST:
        msg = (
            f"{len(train)} of {int((~places.tested).sum())} training clusters share neither "
            "photo nor buffer with the test; too few. Use a smaller buffer."
        )
        raise InputError(msg)


def _fitted(
    inputs: _Inputs, train: Ints, test: Ints, y: Floats, groups: npt.NDArray[Any], *, classes: bool
) -> tuple[list[Floats], Floats]:
    """Predictions for the test: after each epoch of a watched training, and last those of the final model.

    And the final model's probabilities of the upper class (NaN without).
    """
    model, seen = inputs.make(), list[Floats]()
    X, asked = models.take(inputs.X, train), models.take(inputs.X, test)
    target = y[train].astype(int) if classes and hasattr(model, "predict_proba") else y[train]
    grouped = {"groups": groups} if isinstance(model, _GROUPED) else {}

    def answer(of: Any) -> None:
        predicted = np.asarray(of.predict(asked), dtype=float)
        # Baselines on places predict shares of the upper class.
        seen.append((predicted >= 0.5).astype(float) if classes else predicted)

    look = (lambda: answer(copy.deepcopy(model))) if inputs.watched else (lambda: None)
    with watching(look):
        model.fit(X, target, **grouped)
    answer(model)
    return seen, _probabilities(model, asked) if classes else np.full(len(test), np.nan)


def _probabilities(model: Any, asked: Any) -> Floats:
    """Of the upper class; models of places answer with its share, some a little beyond 0 ... 1."""
    if hasattr(model, "predict_proba"):
        upper = list(model.classes_).index(1)
        return np.asarray(model.predict_proba(asked), dtype=float)[:, upper]
    return np.clip(np.asarray(model.predict(asked), dtype=float), 0, 1)


def _accuracy(y: Floats, p: Floats) -> float:
    return float((y == p).mean())


def _r2(y: Floats, p: Floats) -> float:
    return -float(((y - p) ** 2).sum()) if len(y) < 2 else r2(y, p)


_GROUPED = (
    models.CrossFitted,
    models.GeodesicKNN,
    models.InverseDistance,
    models.GraphClassifier,
    models.GraphRegressor,
    models.ImageClassifier,
    models.ImageRegressor,
)


def _sizes(sizes: Sequence[int], places: Places) -> str:
    whole = int((~places.tested).sum())
    shown = str(sizes[0]) if len(set(sizes)) == 1 else f"{min(sizes)} to {max(sizes)}"
    return f"{shown} of {whole}"


def _majority(data: StreetData, ids: Sequence[str], cell: Cell, settings: Settings) -> _Inputs:
    make = models.MajorityClassifier if cell.classes else models.MeanRegressor
    return _Inputs(data.lonlat(ids), make)


def _nearest(data: StreetData, ids: Sequence[str], cell: Cell, settings: Settings) -> _Inputs:
    return _Inputs(data.lonlat(ids), lambda: models.GeodesicKNN(random_state=settings.seed))


def _distance(data: StreetData, ids: Sequence[str], cell: Cell, settings: Settings) -> _Inputs:
    return _Inputs(data.lonlat(ids), lambda: models.InverseDistance(random_state=settings.seed))


def _process(data: StreetData, ids: Sequence[str], cell: Cell, settings: Settings) -> _Inputs:
    return _Inputs(data.lonlat(ids), lambda: models.GaussianProcess(random_state=settings.seed))


def _counts(data: StreetData, ids: Sequence[str], cell: Cell, settings: Settings) -> _Inputs:
    """Objects per photo, void apart, and how many photos there are, all as log1p."""
    photos = data.photos_of(ids)
    owner = np.repeat(np.arange(len(photos)), [len(rows) for rows in photos])
    sums = np.zeros((len(ids), data.counts.shape[1]))
    np.add.at(sums, owner, data.counts[np.concatenate(photos)])
    number = np.bincount(owner, minlength=len(ids))
    X = np.log1p(np.column_stack([sums / number[:, None], number]))
    make = models.BoostingClassifier if cell.classes else models.BoostingRegressor
    return _Inputs(X, lambda: make(random_state=settings.seed))


def _graph(vertices: str, edges: dict[str, str] = _SPARSE) -> Callable[..., _Inputs]:
    """Our graph network, by default on sparse, normalised edges."""

    def inputs(data: StreetData, ids: Sequence[str], cell: Cell, settings: Settings) -> _Inputs:
        rows = _sampled(data, ids, settings)
        photos = data.photos.iloc[rows]
        once = ~photos["image_id"].duplicated().to_numpy()
        table, note = _node_features(data, rows[once], cell, vertices)
        features = pd.DataFrame(table, index=photos["image_id"][once], copy=False)
        graphs = _ordered_graphs(photos, features, ids, settings, edges)
        make = models.GraphClassifier if cell.classes else models.GraphRegressor
        options: dict[str, Any] = {
            "max_epochs": settings.scaled(40),
            "device": settings.device,
            "random_state": settings.seed,
        }
        return _Inputs(graphs, lambda: make(**options), note, watched=True)

    return inputs


def _sampled(data: StreetData, ids: Sequence[str], settings: Settings) -> Ints:
    """Photos of the clusters, one cluster after the other: drawn before anything is read for them."""
    whole = data.photos_of(ids)
    starts = np.concatenate([[0], np.cumsum([len(rows) for rows in whole])])
    drawn = sample_photos(np.concatenate(whole), starts, ids, most=settings.nodes, seed=settings.seed)
    return np.concatenate(drawn)


def _node_features(data: StreetData, rows: Ints, cell: Cell, vertices: str) -> tuple[Singles, str]:
    """Features of photos, each part written straight to its columns, and what is to be said of them.

    Those of India are 2 GB: nothing here holds them twice.
    """
    counted = 0 if vertices == "feats" else data.counts.shape[1]
    read = 0 if vertices == "obj" else FEATURE_WIDTH
    table = np.empty((len(rows), counted + read), dtype=np.float32)
    if counted:
        np.log1p(data.counts[rows], out=table[:, :counted])
    if not read:
        return table, ""
    data.features(data.feature_file(cell.indicator, classes=cell.classes), rows, out=table[:, counted:])
    return table, _NOT_HONEST


def _ordered_graphs(
    photos: gpd.GeoDataFrame,
    features: pd.DataFrame,
    ids: Sequence[str],
    settings: Settings,
    edges: dict[str, str],
) -> Any:
    # Photos are given cluster after cluster, so that the graphs come in the order of the ids.
    graphs = cluster_graphs(photos, features, max_photos=settings.nodes, seed=settings.seed, **edges)  # type: ignore[arg-type]
    if graphs.cluster_ids.tolist() != list(ids):
        msg = "The graphs are not in the order of the clusters."
        raise RuntimeError(msg)
    return graphs


def _pictures(data: StreetData, ids: Sequence[str], cell: Cell, settings: Settings) -> _Inputs:
    """Our image model on some pictures of each cluster, averaged to the cluster."""
    return _Inputs(
        _chosen_pictures(data, ids, settings),
        lambda: _image_model(cell, settings),
        f"ResNet-18 from {settings.weights}",
    )


def _crossfitted(data: StreetData, ids: Sequence[str], cell: Cell, settings: Settings) -> _Inputs:
    """A second model on features by networks that have not seen their cluster: the honest `feats`."""

    def make() -> models.CrossFitted:
        second: Any = (
            models.BoostingClassifier(random_state=settings.seed) if cell.classes else models.RidgeRegressor()
        )
        return models.CrossFitted(_image_model(cell, settings), second, random_state=settings.seed)

    second = "boosting" if cell.classes else "ridge"
    note = f"{second} on cross-fitted features of ResNet-18 from {settings.weights}"
    return _Inputs(_chosen_pictures(data, ids, settings), make, note)


def _chosen_pictures(data: StreetData, ids: Sequence[str], settings: Settings) -> list[list[str]]:
    """Some pictures of each cluster, the same for every model."""
    files = picture_files(data.photos).to_numpy(dtype=object)
    random = np.random.default_rng(settings.seed)
    chosen = []
    for rows in data.photos_of(ids):
        there = rows[pd.notna(files[rows])]
        drawn = random.permutation(len(there))[:_PICTURES]
        chosen.append(files[there[np.sort(drawn)]].tolist())
    return chosen


def _image_model(cell: Cell, settings: Settings) -> models.ImageClassifier | models.ImageRegressor:
    make = models.ImageClassifier if cell.classes else models.ImageRegressor
    options: dict[str, Any] = {
        "weights": settings.weights,
        "size": settings.picture_size,
        "max_epochs": settings.scaled(10),
        "device": settings.device,
        "random_state": settings.seed,
    }
    return make(**options)


OUR_ROWS = {
    "baseline": Row("Majority or mean", _majority, steps=False),
    "knn": Row("Geodesic kNN", _nearest, steps=False),
    "idw": Row("Inverse distance", _distance, steps=False),
    "gp": Row("Gaussian process", _process, steps=False),
    "counts": Row("Boosting on objects per photo", _counts, steps=False),
    "graph-obj": Row("Graph obj", _graph("obj")),
    "graph-identity": Row("Graph obj, no edges", _graph("obj", {"edges": "identity"})),
    "graph-random": Row("Graph obj, random edges", _graph("obj", {"edges": "random", "normalise": "row"})),
    "graph-feats": Row("Graph feats", _graph("feats"), features=True),
    "graph-both": Row("Graph both", _graph("both"), features=True),
    "image": Row("Image model", _pictures, pictures=True),
    "crossfitted": Row("Cross-fitted image features", _crossfitted, pictures=True),
}
"""Our models by their short name."""
