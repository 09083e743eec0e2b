"""A frozen encoder put to the test: heads on its features, beside encoders that have learned nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.errors import InputError, ProjectError
from geolivelihood.features import Encoder, embed, encoder, headless, save_pretrained
from geolivelihood.features.pretrained import is_pretrained, read_pretrained_card
from geolivelihood.files import atomic
from geolivelihood.pretraining import neighbours, probes
from geolivelihood.pretraining.votes import temporal_scores
from geolivelihood.progress import stage as begin
from geolivelihood.recipes.pretraining.data import EncoderData, Target, folds, lonlat_of
from geolivelihood.recipes.pretraining.pretrain import read_encoder_project
from geolivelihood.recipes.pretraining.projection import draw_projection
from geolivelihood.recipes.pretraining.settings import EncoderProject, Probing
from geolivelihood.recipes.written import write_layers

__all__ = ["ProbedResult", "probe_project"]

OURS, UNTRAINED, PIXELS, PLACE = "pretrained", "random weights", "pixel statistics", "place alone"


class ProbedResult(NamedTuple):
    """What a probe found.

    Attributes
    ----------
    table
        ``encoder, head, split, metric, value, sd`` (between folds), ``folds, n``.
    task
        ``"classification"`` or ``"regression"``.
    label
        Column that was predicted.
    scores, geopackage, picture
        Files: the table as CSV; the pictures with label and out-of-fold predictions; the embedding drawn.
    remarks
        What one should know, a sentence each.
    elapsed_s
        Seconds.
    """

    table: pd.DataFrame
    task: str
    label: str
    scores: Path
    geopackage: Path
    picture: Path | None
    remarks: list[str]
    elapsed_s: float


def probe_project(
    path: str | os.PathLike[str], *, overrides: Mapping[str, Any] | None = None
) -> ProbedResult:
    """Try the encoder of a project on its labels, without training it.

    The same heads see the features of the encoder, of the same network with random weights, of each band's
    moments and quantiles, and the place alone; all under the same random and blocked folds, which never
    have a place on both sides.

    Parameters
    ----------
    path
        Project file (YAML) with ``images``, ``probe`` and the encoder of ``pretrain``, or
        ``encoder_folder``.
    overrides
        Settings by dotted key that take the place of the file's.

    Raises
    ------
    ProjectError
        If the project has faults.
    InputError
        If there is no encoder, or pictures or labels cannot be used.
    """
    started = time.monotonic()
    project = read_encoder_project(path, overrides=overrides)
    if project.probe is None:
        msg = f"{path} says nothing of 'probe'. Add it: probe: {{labels: {{column: wealth}}}}."
        raise ProjectError(msg)
    begin("reading pictures")
    data = EncoderData(project)
    target = data.target(project.probe.labels)
    job = _Probe(project, project.probe, data, target)
    begin("probing")
    table = job.scores()
    return job.written(table, started)


def encoder_folder(project: EncoderProject) -> Path:
    """The encoder that ``probe`` and ``finetune`` take: an earlier project's, or that of ``pretrain``."""
    if project.encoder_folder is not None:
        return project.input(project.encoder_folder)
    return project.target / "pretrained"


class _Probe:
    """One label, and the encoders that are asked for it."""

    def __init__(self, project: EncoderProject, settings: Probing, data: EncoderData, target: Target) -> None:
        self.project, self.settings, self.target = project, settings, target
        known = target.known
        self.images = data.images[known].reset_index(drop=True)
        self.labels = target.values[known].reset_index(drop=True)
        self.rejected = data.rejected
        self.remarks: list[str] = []
        if not known.all():
            self.remarks.append(f"{(~known).sum():,} of {len(known):,} pictures have no label.")
        self.folder = encoder_folder(project)
        if not is_pretrained(self.folder):
            msg = (
                f"There is no encoder in {self.folder}. Run 'geolivelihood pretrain' first, or name another "
                "with encoder_folder."
            )
            raise InputError(msg)
        self.heads = self._heads()  # a wrong option is told before any work
        self._check_vote()
        self._check_picture()
        self.features = self._all_features()
        self.splits = self._splits()
        self.results: dict[tuple[str, str, str], probes.ProbeResult] = {}

    def scores(self) -> pd.DataFrame:
        """Every head on every encoder under every split."""
        rows = []
        for name, features in self.features.items():
            for head in ["knn"] if name == PLACE else self.heads:
                for split, found in self.splits.items():
                    result = probes.probe(
                        self.heads.get(head) or _neighbours(self.target.task),
                        features,
                        self._y(),
                        folds=_Given(found),
                    )
                    self.results[name, head, split] = result
                    rows += _rows(name, head, split, result)
        table = pd.DataFrame(rows)
        if self.settings.vote:
            table = pd.concat([table, self._votes()], ignore_index=True)
        return table

    def written(self, table: pd.DataFrame, started: float) -> ProbedResult:
        """Table, layer and picture, on disk."""
        folder = self.project.target
        scores = folder / "probe.csv"
        with atomic(scores) as part:
            table.to_csv(part, index=False)
        geopackage = self._layer(folder / "probe.gpkg")
        picture = None
        if self.settings.picture:
            picture = draw_projection(
                self.features[OURS],
                self._colours(),
                folder / "projection",
                ids=self.images["image_id"],
                images=self.images,
                seed=self.project.seed,
            )
        return ProbedResult(
            table,
            self.target.task,
            self.target.name,
            scores,
            geopackage,
            picture,
            self.remarks,
            time.monotonic() - started,
        )

    def _y(self) -> npt.NDArray[Any]:
        return self.labels.to_numpy()

    def _all_features(self) -> dict[str, npt.NDArray[np.float64]]:
        """Features by encoder, of the pictures that all of them can read."""
        made = {OURS: encoder(str(self.folder))}
        if self.settings.compare_random:
            made |= {UNTRAINED: self._untrained(), PIXELS: encoder("summary")}
        stores = {}
        for name, chosen in made.items():
            folder = self.project.target / "features" / name.replace(" ", "_")
            stores[name] = self._embedded(chosen, folder)
        ids = self.images["image_id"].astype("str")
        readable = ids.isin(set.intersection(*(set(frame.index) for frame in stores.values())))
        if not readable.all():
            self.remarks.append(
                f"{(~readable).sum():,} pictures cannot be read; see features/*/rejected.csv."
            )
            self.images = self.images[readable.to_numpy()].reset_index(drop=True)
            self.labels = self.labels[readable.to_numpy()].reset_index(drop=True)
            ids = self.images["image_id"].astype("str")
        found = {name: frame.loc[ids].to_numpy(dtype=float) for name, frame in stores.items()}
        return found | {PLACE: _vectors(self.images)}

    def _embedded(self, chosen: Encoder, folder: Path) -> pd.DataFrame:
        store = embed(self.images, chosen, store=folder, max_rejected=self.project.max_rejected)
        return store.read()

    def _untrained(self) -> Encoder:
        """The encoder's own architecture, fed as it is, with random weights."""
        card = read_pretrained_card(self.folder)
        count = card["bands"] if isinstance(card["bands"], int) else len(card["bands"])
        network, _ = headless(
            card["architecture"],
            size=card["size"],
            seed=self.project.seed,
            bands=count,
            group_norm=card.get("group_norm"),
        )
        feeding = {key: card[key] for key in _FEEDING if key in card}
        folder = save_pretrained(
            self.project.target / "features" / "untrained",
            network,
            feeding | {"method": {"name": "random weights"}},
        )
        return encoder(str(folder))

    def _splits(self) -> dict[str, Any]:
        chosen = self.settings
        return folds(
            self.images,
            chosen.folds,
            seed=self.project.seed,
            resolution=chosen.block_resolution,
            buffer_m=chosen.buffer_m,
        )

    def _heads(self) -> dict[str, Any]:
        linear: dict[str, Any] = {"logistic": probes.LogisticProbe}
        if self.target.task == "regression":
            linear = {"ridge": probes.RidgeProbe, "absolute": probes.AbsoluteProbe}
        known = {name: make() for name, make in linear.items()} | {"knn": _neighbours(self.target.task)}
        chosen = self.settings.heads or [next(iter(known)), "knn"]
        unknown = [name for name in chosen if name not in known]
        if unknown:
            msg = (
                f"probe, heads: {unknown[0]!r} is no head of a {self.target.task}; there are: "
                f"{', '.join(known)}."
            )
            raise ProjectError(msg)
        return {name: known[name] for name in chosen}

    def _check_vote(self) -> None:
        possible = self.target.task == "classification" and "place_id" in self.images
        if self.settings.vote and not possible:
            msg = "probe, vote: needs classes, and places (a column place_id, or images.places_m)."
            raise InputError(msg)

    def _check_picture(self) -> None:
        there = ["label", *(str(column) for column in self.images if column != "geometry")]
        unknown = [name for name in self.settings.picture if name not in there]
        if unknown:
            msg = f"probe, picture: the pictures have no {unknown[0]!r}; there are: {', '.join(there)}."
            raise ProjectError(msg)

    def _votes(self) -> pd.DataFrame:
        """Scores of places whose pictures decide together, beside those of single pictures."""
        rows = []
        for split, found in self.splits.items():
            tested, logits, classes = _held_out_logits(self.features[OURS], self._y(), found)
            places = self.images["place_id"].to_numpy()[tested]
            table = temporal_scores(logits, self._y()[tested], places, classes=classes)
            shared = {"encoder": OURS, "head": "logistic, vote of a place", "split": split}
            scores = table.loc["temporal"]
            rows += [
                shared | {"metric": metric, "value": value, "folds": len(found), "n": int(scores["n"])}
                for metric, value in scores.drop("n").items()
            ]
        return pd.DataFrame(rows)

    def _layer(self, target: Path) -> Path:
        head = next(head for name, head, split in self.results if name == OURS)
        name = self.target.name
        layer = self.images[["image_id", "path", "kind", "geometry"]].assign(label=self.labels.to_numpy())
        for split in self.splits:
            layer[f"predicted_{split}"] = self.results[OURS, head, split].prediction
            layer[f"fold_{split}"] = self.results[OURS, head, split].fold
        target.unlink(missing_ok=True)
        provenance = {"command": "probe", "label": name, "head": head, "encoder": str(self.folder.name)}
        write_layers(target, {"images": layer}, self.rejected, provenance)
        return target

    def _colours(self) -> dict[str, pd.Series]:
        """What the drawn embedding is coloured by."""
        found = {}
        for name in self.settings.picture:
            if name == "label":
                found[self.target.name] = self.labels
            else:
                found[name] = self.images[name]
        return found


_FEEDING = ("architecture", "size", "bands", "mean", "sd", "normalise", "value_range", "fit", "group_norm")


class _Given:
    """Folds that are there already, as a cross-validator."""

    def __init__(self, pairs: list[tuple[Any, Any]]) -> None:
        self.pairs = pairs

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Any:
        """Training and test positions of each fold."""
        return iter(self.pairs)


def _held_out_logits(
    features: npt.NDArray[np.float64], labels: npt.NDArray[Any], found: list[tuple[Any, Any]]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64], npt.NDArray[Any]]:
    """Log-probabilities of a logistic head at rows that it has not seen: rows, (rows, classes), classes."""
    classes = np.unique(labels)
    logits = np.full((len(labels), len(classes)), _NEVER)
    for train, test in found:
        head = probes.LogisticProbe().fit(features[train], labels[train])
        columns = np.searchsorted(classes, head.classes_)
        logits[np.ix_(test, columns)] = np.log(np.maximum(head.predict_proba(features[test]), np.exp(_NEVER)))
    tested = np.unique(np.concatenate([test for _, test in found]))
    return tested, logits[tested], classes


_NEVER = -30.0  # log-probability of a class that the head has not met


def _neighbours(task: str) -> Any:
    if task == "regression":
        return neighbours.EmbeddingNeighboursRegressor(k=10)
    return neighbours.EmbeddingNeighboursClassifier(k=20)


def _vectors(images: gpd.GeoDataFrame) -> npt.NDArray[np.float64]:
    """Unit vectors of the pictures' places: neighbours by angle are neighbours on the ground."""
    lon, lat = np.radians(lonlat_of(images)).T
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def _rows(name: str, head: str, split: str, result: probes.ProbeResult) -> list[dict[str, Any]]:
    spread = result.per_fold.std(ddof=1)
    shared = {"encoder": name, "head": head, "split": split}
    sizes = {"folds": len(result.per_fold), "n": int((result.fold >= 0).sum())}
    return [
        shared | {"metric": metric, "value": value, "sd": spread[metric]} | sizes
        for metric, value in result.scores.items()
    ]
