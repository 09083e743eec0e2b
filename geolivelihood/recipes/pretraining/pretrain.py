"""From a project file to a pretrained encoder."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from lightning.pytorch.callbacks import Callback
from torch import nn

from geolivelihood.errors import InputError, ProjectError
from geolivelihood.features import save_pretrained
from geolivelihood.features.pretrained import check_replaceable
from geolivelihood.files import atomic
from geolivelihood.pretraining import geography
from geolivelihood.pretraining.augmentations import (
    Augmentation,
    moco_augmentation,
    overhead_augmentation,
    plain,
    rank_augmentation,
)
from geolivelihood.pretraining.moco_module import MoCoModule
from geolivelihood.pretraining.monitors import KnnMonitor, ProbeMonitor
from geolivelihood.pretraining.pairs import PairSampler, PlacePairs, SamePicture
from geolivelihood.pretraining.picture_cache import cache_pictures
from geolivelihood.pretraining.presets import PAPER, SMALL_DATA
from geolivelihood.pretraining.queue import Origin
from geolivelihood.pretraining.rank_module import RANK_PRESETS, RankModule, SupervisedModule
from geolivelihood.pretraining.schedules import Optimisation
from geolivelihood.pretraining.training import TrainingResult, run_training
from geolivelihood.pretraining.views import Views
from geolivelihood.progress import stage as begin
from geolivelihood.recipes.pretraining.curves import draw_curves
from geolivelihood.recipes.pretraining.data import EncoderData, folds, lonlat_of
from geolivelihood.recipes.pretraining.networks import first_network
from geolivelihood.recipes.pretraining.options import checked_options
from geolivelihood.recipes.pretraining.settings import EncoderProject, Pretraining
from geolivelihood.recipes.project_file import read_project_file

__all__ = ["PretrainedResult", "pretrain_project", "read_encoder_project"]


class PretrainedResult(NamedTuple):
    """What a pretraining left behind.

    Attributes
    ----------
    encoder
        Folder of the encoder (safetensors and a card); its path is its name in other projects.
    curves
        Picture of the curves, where they were logged.
    training
        Epochs, steps, checkpoint, last metrics.
    remarks
        What one should know of it, a sentence each.
    rejected
        Rows and pictures that were set aside; the file with their reasons.
    elapsed_s
        Seconds.
    """

    encoder: Path
    curves: Path | None
    training: TrainingResult
    remarks: list[str]
    rejected: tuple[int, Path]
    elapsed_s: float


def read_encoder_project(
    path: str | os.PathLike[str], *, overrides: Mapping[str, Any] | None = None
) -> EncoderProject:
    """Read and check a project of encoders."""
    return read_project_file(path, EncoderProject, overrides=overrides)


def pretrain_project(
    path: str | os.PathLike[str], *, overrides: Mapping[str, Any] | None = None
) -> PretrainedResult:
    """Pretrain the encoder of a project, or go on where an earlier run stopped.

    Parameters
    ----------
    path
        Project file (YAML) with ``images``, ``encoder`` and ``pretraining``.
    overrides
        Settings by dotted key that take the place of the file's.

    Returns
    -------
    PretrainedResult
        The encoder is in ``<out>/pretrained``; checkpoints and curves are in ``<out>/training``.

    Raises
    ------
    ProjectError
        If the project has faults.
    InputError
        If its pictures or settings cannot be used; before the first step wherever that can be known.
    OutputError
        If something that is no encoder lies where the encoder is to go.
    """
    started = time.monotonic()
    project = read_encoder_project(path, overrides=overrides)
    if project.pretraining is None:
        msg = f"{path} says nothing of 'pretraining'. Add it: pretraining: {{method: moco, epochs: 50}}."
        raise ProjectError(msg)
    target = check_replaceable(project.target / "pretrained")  # before hours of training, not after
    begin("reading pictures")
    job = _Job(project, project.pretraining, EncoderData(project))
    begin("pretraining")
    training = job.train()
    found, rejected, curves = job.rejected(), project.target / "rejected.csv", None
    if os.environ.get("RANK", "0") == "0":  # under torchrun every process comes here, and one writes
        save_pretrained(target, job.module.backbone, job.card(training))
        with atomic(rejected) as part:
            found.to_csv(part, index=False)
        curves = draw_curves(project.target / "training", project.target / "curves.png", title=project.name)
    aside = len(found), rejected
    return PretrainedResult(
        target, curves, training, job.remarks, aside, elapsed_s=time.monotonic() - started
    )


class _Job:
    """Pictures, pairs, views and module of one pretraining."""

    def __init__(self, project: EncoderProject, settings: Pretraining, data: EncoderData) -> None:
        self.project, self.settings, self.data = project, settings, data
        self.remarks: list[str] = []
        self.preset = _preset(settings)
        self.bands = data.bands
        self.images, targets = data.images, None
        if settings.target:
            targets, known = _targets(data, settings)
            self.images, targets = self.images[known].reset_index(drop=True), targets[known]
            self.remarks += _unlabelled(known)
        self.read_bands = project.images.bands
        if settings.cache_px is not None:
            copies = self._cached(settings.cache_px)
            if targets is not None:
                targets = targets[self.images["image_id"].isin(copies["image_id"]).to_numpy()]
            self.images, self.read_bands = copies, None
        self.pairs = self._pairs()
        self.augmentation = self._augmentation()
        self.views = self._views()
        network, dim, self.start = first_network(project, bands=self.bands)
        self.module = self._module(network, dim, targets)

    def train(self) -> TrainingResult:
        """Train, or go on training."""
        chosen = self.settings
        look, measure = self._monitor()
        return run_training(
            self.module,
            self.views,
            out=self.project.target / "training",
            epochs=chosen.epochs or self.preset.epochs,
            devices=chosen.devices,
            nodes=chosen.nodes,
            accelerator=chosen.accelerator,
            precision=chosen.precision,
            loggers=chosen.loggers,
            callbacks=[] if look is None else [look],
            monitor=measure,
            keep=chosen.keep,
            save_every_steps=chosen.save_every_steps,
            seed=self.project.seed,
        )

    def card(self, training: TrainingResult) -> dict[str, Any]:
        """What is known of the encoder."""
        views = self.augmentation
        fed: dict[str, Any] = {"normalise": "minmax"}
        if views.mean is not None and views.sd is not None:
            fed = {"mean": list(views.mean), "sd": list(views.sd)}
        source = self.project.images
        if source.value_range is not None:
            fed["value_range"] = list(source.value_range)
        return fed | {
            "architecture": self.project.encoder.backbone,
            "size": self.project.encoder.size,
            "bands": list(source.bands) if source.bands else self.bands,
            "method": self.module.card(),
            "start": self.start,
            "transform": self.views.card(),
            "extent": _extent(self.images),
            "pictures": len(self.images),
            "training": {"epochs": training.epochs, "steps": training.steps},
            "metrics": {name: {"value": value, "split": "training"} for name, value in _losses(training)},
        }

    def rejected(self) -> pd.DataFrame:
        """All that was set aside, with its reasons."""
        late = self.views.rejected.rename(columns={"image_id": "row"}).assign(column="path")
        return pd.concat([self.data.rejected, late], ignore_index=True)

    def _cached(self, short_side: int) -> gpd.GeoDataFrame:
        """Copies of the pictures that are faster to read; those that cannot be read are left out."""
        begin("copying pictures")
        bands = self.project.images.bands
        made = cache_pictures(
            self.images,
            folder=self.project.target / "cache",
            short_side=short_side,
            bands=None if bands is None else tuple(bands),
            max_rejected=self.project.max_rejected,
        )
        aside = made.rejected.rename(columns={"image_id": "row"}).assign(column="path")
        self.data.rejected = pd.concat([self.data.rejected, aside], ignore_index=True)
        return gpd.GeoDataFrame(made.images).reset_index(drop=True)

    def _pairs(self) -> PairSampler:
        chosen = self.settings
        per = "image" if chosen.preset == "paper" or not chosen.temporal else "place"
        options: dict[str, Any] = {"seed": self.project.seed, "per": per}
        if not chosen.temporal:
            return SamePicture(self.images, **options)
        options |= checked_options(
            PlacePairs, chosen.pairs, section="pretraining, pairs", given=("images", "temporal")
        )
        made = PlacePairs(self.images, temporal=True, **options)
        self.remarks.append(
            f"{made.real_share:.0%} of the pairs are two pictures of one place; an encoder that has learned "
            "from them ignores what changes between dates: not for change detection."
        )
        return made

    def _augmentation(self) -> Augmentation:
        size, chosen = self.project.encoder.size, self.settings.augmentation
        if chosen == "auto":
            paper = self.settings.preset == "paper"
            above = (self.images["kind"] == "overhead").all() and not paper
            chosen = "overhead" if above or self.bands != 3 else "paper"
            if paper and self.settings.method != "moco":
                chosen = "rank"
        if chosen != "overhead" and self.bands != 3:
            msg = f"augmentation: {chosen!r} is for three bands, and the pictures have {self.bands}."
            raise InputError(msg)
        makers: dict[str, Callable[[], Augmentation]] = {
            "paper": lambda: moco_augmentation(size, self.settings.temporal),
            "overhead": lambda: overhead_augmentation(size, bands=self.bands),
            "rank": lambda: rank_augmentation(size),
            "plain": lambda: plain(size),
        }
        return makers[chosen]()

    def _views(self) -> Views:
        chosen, source = self.settings, self.project.images
        return Views(
            self.images,
            self.pairs,
            self.augmentation,
            batch_size=chosen.batch_size or self.preset.batch_size,
            workers=chosen.workers,
            seed=self.project.seed,
            drop_last=chosen.method == "moco" or chosen.devices * chosen.nodes > 1,
            bands=None if self.read_bands is None else tuple(self.read_bands),
            value_range=source.value_range,
            max_rejected=self.project.max_rejected,
        )

    def _module(self, network: nn.Module, dim: int, targets: Any) -> Any:
        chosen = self.settings
        changed = checked_options(Optimisation, chosen.optimisation, section="pretraining, optimisation")
        how = replace(self.preset.optimisation, **changed)
        kind = {"moco": MoCoModule, "rank_n_contrast": RankModule, "supervised": SupervisedModule}
        given = _DECIDED if chosen.method == "moco" else (*_DECIDED, "dim")
        options = checked_options(
            kind[chosen.method], chosen.options, section="pretraining, options", given=given
        )
        if chosen.method == "rank_n_contrast":
            return RankModule(network, targets, optimisation=how, **options)
        if chosen.method == "supervised":
            return SupervisedModule(network, targets, dim=dim, optimisation=how, **options)
        return MoCoModule(
            network,
            origin=_origin(self.images),
            temporal=chosen.temporal,
            geo=self._geo(),
            size=self.project.encoder.size,
            bands=self.bands,
            optimisation=how,
            **{"seed": self.project.seed} | self.preset.module | options,
        )

    def _monitor(self) -> tuple[Callback | None, str | None]:
        """A look at labelled pictures while the encoder learns, and the score by which it is kept."""
        chosen = self.settings.monitor
        if chosen is None:
            return None, None
        target = self.data.target(chosen.labels)
        known = self.data.images[target.known].reset_index(drop=True)
        known["label"] = target.values[target.known].to_numpy()
        numbers = np.full(len(known), -1)
        for number, (_, test) in enumerate(folds(known, chosen.folds, seed=self.project.seed)["blocked"]):
            numbers[test] = number
        source = self.project.images
        kind: Any = {"knn": KnnMonitor, "probe": ProbeMonitor}[chosen.kind]
        classes = target.task == "classification"
        look = kind(
            known,
            numbers,
            augmentation=self._plain(),
            every=chosen.every,
            task="classes" if classes else "amounts",
            bands=None if source.bands is None else tuple(source.bands),
            value_range=source.value_range,
            max_rejected=self.project.max_rejected,
        )
        return look, f"val/{chosen.kind}_{'acc' if classes else 'r2'}"

    def _plain(self) -> Augmentation:
        views, size = self.augmentation, self.project.encoder.size
        if views.mean is None or views.sd is None:
            return rank_augmentation(size, train=False)
        return plain(size, mean=views.mean, sd=views.sd)

    def _geo(self) -> geography.GeoLabels | None:
        chosen = self.settings.geo
        if chosen is None:
            return None
        lonlat, seed = lonlat_of(self.images), self.project.seed
        if chosen.kind == "h3":
            return geography.cell_labels(
                lonlat, resolutions=chosen.resolutions, bandwidth_m=chosen.bandwidth_m
            )
        if chosen.kind == "degrees":
            return geography.degree_labels(lonlat, clusters=chosen.clusters, seed=seed)
        return geography.sphere_labels(
            lonlat, clusters=chosen.clusters, bandwidth_m=chosen.bandwidth_m, seed=seed
        )


# What other settings of the project decide: the pictures, the labels, the network, the switches of moco.
_DECIDED = (
    *("network", "backbone", "targets", "origin", "temporal", "geo", "size", "bands", "optimisation"),
)


class _Preset(NamedTuple):
    optimisation: Optimisation
    batch_size: int
    epochs: int
    module: dict[str, Any]


# Rank-N-Contrast beyond its paper: batches in which an order shows, and the L1 baseline under the same steps.
_RANKED = Optimisation("adamw", 5e-4, weight_decay=1e-4, schedule="cosine", per="step")


def _preset(settings: Pretraining) -> _Preset:
    """Settings that the project leaves open."""
    paper = settings.preset == "paper"
    if settings.method == "moco":
        chosen = PAPER if paper else SMALL_DATA
        return _Preset(chosen.optimisation, chosen.batch_size, chosen.epochs, dict(chosen.module))
    if not paper:
        return _Preset(_RANKED, 64, 100, {})
    published = RANK_PRESETS["outcome" if settings.method == "rank_n_contrast" else "supervised"]
    return _Preset(published.optimisation, published.batch_size, published.epochs, {})


def _targets(data: EncoderData, settings: Pretraining) -> tuple[np.ndarray, np.ndarray]:
    """Numbers to learn (rows, targets), and the rows where all are known."""
    found = [data.target(labels) for labels in settings.target or ()]
    words = [target.name for target in found if target.task != "regression"]
    if words:
        msg = f"pretraining, target: {words[0]!r} is no number; {settings.method} orders pictures by numbers."
        raise InputError(msg)
    table = np.column_stack([target.values.to_numpy(dtype=float) for target in found])
    return table, np.isfinite(table).all(axis=1)


def _unlabelled(known: np.ndarray) -> list[str]:
    left = int((~known).sum())
    return [f"{left:,} of {len(known):,} pictures have no label and were left out."] if left else []


def _origin(images: gpd.GeoDataFrame) -> Origin:
    places = images["place_id"].to_numpy() if "place_id" in images else None
    return Origin.of(len(images), places=places, lonlat=lonlat_of(images))


def _losses(training: TrainingResult) -> list[tuple[str, float]]:
    return [(name, value) for name, value in training.metrics.items() if np.isfinite(value)]


def _extent(images: gpd.GeoDataFrame) -> dict[str, Any]:
    """Convex hull of the pictures in longitude and latitude, as GeoJSON."""
    hull = images.geometry.union_all().convex_hull
    return json.loads(shapely.to_geojson(hull))
