"""An encoder put to a task: scored on places that were held out, trained on all, and sent over rasters."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from geolivelihood.errors import InputError, ProjectError
from geolivelihood.features import save_pretrained
from geolivelihood.features.pretrained import is_pretrained
from geolivelihood.features.weights import is_weights_file
from geolivelihood.files import atomic
from geolivelihood.pretraining import transfer
from geolivelihood.pretraining.finetune import FineTuneClassifier, FineTuneRegressor
from geolivelihood.pretraining.scores import amount_scores, class_scores
from geolivelihood.progress import stage as begin
from geolivelihood.recipes.pretraining.data import EncoderData, folds
from geolivelihood.recipes.pretraining.networks import first_network
from geolivelihood.recipes.pretraining.options import checked_options
from geolivelihood.recipes.pretraining.pretrain import read_encoder_project
from geolivelihood.recipes.pretraining.probe import encoder_folder
from geolivelihood.recipes.pretraining.settings import EncoderProject, Finetuning
from geolivelihood.recipes.written import write_layers
from geolivelihood.tables.collections import LABELS
from geolivelihood.tables.rasters import read_header
from geolivelihood.tables.sources import read_table
from geolivelihood.validation.splits import Split

__all__ = ["FinetunedResult", "finetune_project"]

_MODELS: dict[str, Any] = {
    "classification": FineTuneClassifier,
    "regression": FineTuneRegressor,
    "detection": transfer.Detector,
    "segmentation": transfer.Segmenter,
}


class FinetunedResult(NamedTuple):
    """What a fine-tuning left behind.

    Attributes
    ----------
    task
        What it was for.
    table
        ``split, round, metric, value, n`` of the pictures that were held out.
    scores
        The table as CSV.
    model
        Folder of the model.
    layers
        GeoPackages and rasters that were written.
    remarks
        What one should know, a sentence each.
    elapsed_s
        Seconds.
    """

    task: str
    table: pd.DataFrame
    scores: Path
    model: Path
    layers: list[Path]
    remarks: list[str]
    elapsed_s: float


def finetune_project(
    path: str | os.PathLike[str], *, overrides: Mapping[str, Any] | None = None
) -> FinetunedResult:
    """Fine-tune the encoder of a project.

    Parameters
    ----------
    path
        Project file (YAML) with ``images`` and ``finetune``. The encoder is that of ``pretrain``, or
        ``encoder_folder``; where neither is there, the project's backbone with its own weights, and a remark
        says so.
    overrides
        Settings by dotted key that take the place of the file's.

    Raises
    ------
    ProjectError
        If the project has faults.
    InputError
        If pictures or labels cannot be used.
    """
    started = time.monotonic()
    project = read_encoder_project(path, overrides=overrides)
    if project.finetune is None:
        msg = f"{path} says nothing of 'finetune'. Add it: finetune: {{task: segmentation, polygons: ...}}."
        raise ProjectError(msg)
    begin("reading pictures")
    job = _job(project, project.finetune)
    begin("scoring on places held out")
    table = pd.DataFrame(job.rounds())
    scores = project.target / "finetune.csv"
    with atomic(scores) as part:
        table.to_csv(part, index=False)
    begin("training on all pictures")
    model, written = job.whole()
    return FinetunedResult(
        project.finetune.task, table, scores, model, written, job.remarks, time.monotonic() - started
    )


def _job(project: EncoderProject, settings: Finetuning) -> _Task:
    return (_Drawn if settings.drawn else _Labelled)(project, settings)


class _Task:
    """Pictures, what is known of them, and a model that starts from the encoder."""

    def __init__(self, project: EncoderProject, settings: Finetuning) -> None:
        self.project, self.settings = project, settings
        self.data = EncoderData(project)
        self.remarks: list[str] = []
        self.start = self._start()
        self.model()  # a wrong option is told before any work

    @cached_property
    def images(self) -> gpd.GeoDataFrame:
        """The pictures to learn from."""
        return self.data.images

    def model(self) -> Any:
        """An untrained model."""
        made = _MODELS[self.settings.task]
        options = checked_options(
            made, self.settings.options, section="finetune, options", given=(*self.start, "root")
        )
        return made(**self.start, **self._shared() | options)

    def _shared(self) -> dict[str, Any]:
        """What other settings of the project say to the model, unless its options say otherwise."""
        return {"random_state": self.project.seed, "max_rejected": self.project.max_rejected}

    def rounds(self) -> Iterator[dict[str, Any]]:
        """Scores of models on pictures of places that they have not seen."""
        for split, found in self._splits().items():
            for number, (train, test) in enumerate(found[: self.settings.rounds]):
                for metric, value in self.scored(train, test).items():
                    yield {"split": split, "round": number, "metric": metric, "value": value, "n": len(test)}

    def scored(self, train: np.ndarray, test: np.ndarray) -> dict[str, float]:
        """Train on some pictures, and score on others."""
        raise NotImplementedError

    def whole(self) -> tuple[Path, list[Path]]:
        """Train on all pictures; the folder of the model, and the layers made with it."""
        raise NotImplementedError

    def _splits(self) -> dict[str, list[Split]]:
        chosen = self.settings
        return folds(self.images, chosen.folds, seed=self.project.seed, resolution=chosen.block_resolution)

    def _start(self) -> dict[str, Any]:
        """What the model starts from, as its own options."""
        folder, chosen = encoder_folder(self.project), self.project.encoder
        name = "backbone" if self.settings.drawn else "encoder"
        if folder.exists():
            return {name: str(folder)}
        if self.project.encoder_folder is not None:
            msg = f"encoder_folder: {folder} does not exist. Give the folder of an encoder."
            raise InputError(msg)
        self.remarks.append(
            f"No pretrained encoder: it starts from {chosen.backbone} with weights {chosen.weights}."
        )
        path = self.project.input(chosen.weights)
        if is_pretrained(path):
            return {name: str(path)}
        of_a_file = is_weights_file(chosen.weights)
        if self.settings.drawn:
            return {name: chosen.backbone, "weights": str(path) if of_a_file else chosen.weights}
        if of_a_file:
            return {name: str(path), "architecture": chosen.backbone}
        network, _, _ = first_network(self.project, bands=self.data.bands)
        start = save_pretrained(self.project.target / "start", network, self._card())
        return {name: str(start)}

    def _card(self) -> dict[str, Any]:
        """How pictures are fed to a network that has learned nothing from pictures of a place."""
        source, bands = self.project.images, self.data.bands
        fed: dict[str, Any] = {"normalise": "imagenet"}
        if bands != 3:
            fed = {"mean": [0.5] * bands, "sd": [0.25] * bands}
        if source.value_range is not None:
            fed["value_range"] = list(source.value_range)
        return fed | {
            "architecture": self.project.encoder.backbone,
            "size": self.project.encoder.size,
            "bands": list(source.bands) if source.bands else bands,
            "method": {"name": "none", "weights": self.project.encoder.weights},
        }


class _Labelled(_Task):
    """A value or a class per picture."""

    def __init__(self, project: EncoderProject, settings: Finetuning) -> None:
        super().__init__(project, settings)
        assert settings.labels is not None  # the settings have been checked
        labels = settings.labels.model_copy(update={"task": settings.task})
        self.target = self.data.target(labels)
        if len(np.unique(self.labels)) < 2:
            msg = (
                f"All {len(self.labels)} labels {self.target.name!r} are {self.labels[0]}: nothing to learn."
            )
            raise InputError(msg)

    @cached_property
    def images(self) -> gpd.GeoDataFrame:
        """The pictures whose label is known."""
        return self.data.images[self.target.known].reset_index(drop=True)

    @cached_property
    def labels(self) -> np.ndarray:
        """One per picture."""
        known = self.target.values[self.target.known]
        return known.astype("str").to_numpy() if self.settings.task == "classification" else known.to_numpy()

    def scored(self, train: np.ndarray, test: np.ndarray) -> dict[str, float]:
        """Train on some pictures, and score on others."""
        model = self.model().fit(self.images.iloc[train], self.labels[train])
        predicted = self._predicted(model, self.images.iloc[test])
        read = pd.notna(predicted)
        if not read.any():
            msg = (
                f"Not one of {len(test)} pictures held out gets a finite prediction: the training "
                "diverged, or none can be read. Lower learning_rate."
            )
            raise InputError(msg)
        observed = self.labels[test][read]
        if self.settings.task == "classification":
            return class_scores(observed, predicted[read].astype("str"))
        return amount_scores(observed, predicted[read])

    def whole(self) -> tuple[Path, list[Path]]:
        """Train on all labelled pictures, and predict every picture."""
        model = self.model().fit(self.images, self.labels)
        folder = model.save(self.project.target / "finetuned")
        begin("predicting pictures")
        everything = self.data.images
        predicted = self._predicted(model, everything)
        layer = everything[["image_id", "path", "kind", "geometry"]].assign(
            label=self.target.values.to_numpy(), predicted=predicted
        )
        target = self.project.target / "finetune.gpkg"
        target.unlink(missing_ok=True)
        rejected = pd.concat([self.data.rejected, _named(model.rejected_)], ignore_index=True)
        write_layers(target, {"images": layer}, rejected, self._told())
        return folder, [target]

    def _predicted(self, model: Any, images: gpd.GeoDataFrame) -> np.ndarray:
        """A class or a value per picture; none where it cannot be read."""
        if self.settings.task == "regression":
            return model.predict(images)
        logits = model.decision_function(images)
        read = np.isfinite(logits).all(axis=1)
        found = np.full(len(images), None, dtype=object)
        found[read] = model.classes_[logits[read].argmax(axis=1)]
        return found

    def _told(self) -> dict[str, Any]:
        return {"command": "finetune", "label": self.target.name, "task": self.settings.task}


class _Drawn(_Task):
    """Boxes or masks, learned from polygons."""

    def __init__(self, project: EncoderProject, settings: Finetuning) -> None:
        super().__init__(project, settings)
        self.scan_options = checked_options(
            _MODELS[settings.task].scan,
            settings.scan_options,
            section="finetune, scan_options",
            given=("raster", "out"),
        )
        self.rasters = self._rasters()
        _ = self.polygons  # what is wrong with them is told before any work

    def _rasters(self) -> list[Path]:
        """The rasters to scan, looked at before any work: they are there, and their results go elsewhere."""
        found = self.project.rasters(list(self.settings.scan))
        for raster in found:
            read_header(str(raster), crs=self.scan_options.get("crs"))
        targets = {
            self.project.target / f"{raster.stem}{end}" for raster in found for end in (".gpkg", ".tif")
        }
        if len(targets) < 2 * len(found):
            names = pd.Series([raster.stem for raster in found])
            msg = (
                f"finetune, scan: two rasters are named {names[names.duplicated()].iloc[0]!r}, and one "
                "result would replace the other. Rename one, or scan them in two projects."
            )
            raise ProjectError(msg)
        if own := targets.intersection(found):
            msg = f"finetune, scan: the result would replace {own.pop()} itself. Choose another 'out'."
            raise ProjectError(msg)
        return found

    def _shared(self) -> dict[str, Any]:
        source = self.project.images
        return super()._shared() | {"bands": source.bands, "value_range": source.value_range}

    @cached_property
    def polygons(self) -> gpd.GeoDataFrame:
        """What was drawn: ``class`` and polygons."""
        source, chosen = self.project.images, self.settings
        if chosen.polygons is None:
            if source.collection not in LABELS:
                msg = (
                    "finetune: give 'polygons', a layer of what is to be found; only "
                    f"{' and '.join(LABELS)} bring their own."
                )
                raise ProjectError(msg)
            return LABELS[source.collection](self.project.input(str(source.path)), self.images)
        table = read_table(self.project.input(chosen.polygons), layer=chosen.layer, crs=chosen.crs)
        if chosen.column is None:
            return table[["geometry"]].assign(**{"class": "found"})
        if chosen.column not in table:
            there = ", ".join(str(name) for name in table if name != "geometry")
            msg = f"finetune: {chosen.polygons} has no column {chosen.column!r}; it has: {there}."
            raise ProjectError(msg)
        return table[[chosen.column, "geometry"]].rename(columns={chosen.column: "class"})

    def scored(self, train: np.ndarray, test: np.ndarray) -> dict[str, float]:
        """Train on some pictures, and score on others."""
        model = self.model().fit(self.images.iloc[train], self.polygons)
        found = model.evaluate(self.images.iloc[test], self.polygons)
        return dict(_numbers(found))

    def whole(self) -> tuple[Path, list[Path]]:
        """Train on all pictures, and go over the rasters."""
        model = self.model().fit(self.images, self.polygons)
        folder = transfer.save(model, self.project.target / "finetuned", extent=self.images.geometry)
        written: list[Path] = []
        for raster in self.rasters:
            begin(f"going over {raster.name}")
            written += self._scanned(model, raster)
        return folder, written

    def _scanned(self, model: Any, raster: Path) -> list[Path]:
        target = self.project.target / f"{raster.stem}.gpkg"
        options, made = dict(self.scan_options), [target]
        if self.settings.task == "segmentation":
            cog = target.with_suffix(".tif")
            options["out"], made = cog, [cog, target]
        found = model.scan(raster, **options)
        target.unlink(missing_ok=True)
        shown = ["score"] if "score" in found else ["area_m2"]
        told = {"command": "finetune", "task": self.settings.task, "raster": raster.name}
        none = pd.DataFrame(columns=["row", "column", "reason"])
        write_layers(target, {"found": found}, none, told, indicators=shown)
        return made


def _numbers(found: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Scores by name; those of classes as ``name[class]``."""
    for name, value in found.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}[{part}]", float(number)) for part, number in value.items())
        elif isinstance(value, int | float):
            yield name, float(value)


def _named(rejected: pd.DataFrame) -> pd.DataFrame:
    return rejected.rename(columns={"image_id": "row"}).assign(column="path")
