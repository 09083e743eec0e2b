"""What a layer of a project's model answers to the source's pictures, and to pictures from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.explanation.concepts import layer_activations, layer_gradients, linear_head
from geolivelihood.features import FeatureStore, embed
from geolivelihood.progress import stage as begin
from geolivelihood.progress import track
from geolivelihood.recipes.explanations.concept_sets import STAGE
from geolivelihood.recipes.explanations.job import REJECTED, Job
from geolivelihood.recipes.explanations.pictures import PictureModel
from geolivelihood.recipes.workspace import stamps

__all__ = ["Answers", "answers"]

Floats = npt.NDArray[np.float64]

_STRETCH = 128  # pictures in memory at a time


class Answers(NamedTuple):
    """Activations at one layer.

    Attributes
    ----------
    layer
        Its name; ``features`` for what feeds the linear head.
    values
        Index ``image_id``.
    own
        ``image_id`` of the source's pictures among them.
    gradients
        Of the prediction by the activations, unit of the indicator: weights (d,) of a linear head, or a row
        for each of ``explained``.
    explained
        ``image_id`` of the pictures that get scores.
    linear
        Whether the prediction is linear in the activations.
    rejected
        ``stage, row, column, reason``.
    """

    layer: str
    values: pd.DataFrame
    own: pd.Index
    gradients: Floats
    explained: pd.Index
    linear: bool
    rejected: pd.DataFrame


def answers(
    job: Job, model: PictureModel, own: pd.DataFrame, chosen: pd.Index, elsewhere: pd.DataFrame
) -> Answers:
    """Activations of all pictures, and how the prediction depends on them.

    Without the option ``layer`` these are the pooled features before the linear head: of an encoder the
    vectors that the project keeps, and pictures from elsewhere are read and encoded as the source's own are.
    With it they are the answers of the named layer, averaged over each picture.

    Parameters
    ----------
    job
        The explanation.
    model
        What the project's model says of single pictures.
    own
        The source's pictures, one row each.
    chosen
        ``image_id`` of those that are explained.
    elsewhere
        Pictures of other origin: ``image_id`` (none of the source's), ``path``.

    Raises
    ------
    InputError
        If the model has no such layer.
    """
    begin(f"reading what the model sees in {model.source}")
    if job.options.get("layer"):
        return _at_layer(job, model, own, chosen, elsewhere, str(job.options["layer"]))
    head = linear_head(model.network, target=_target(job, model))
    if model.encoder is not None:
        known = job.data.features(model.source).dropna()
        more, rejected = _encoded(job, model, elsewhere)
    else:
        network = _Reader(job, model, head.layer, inputs=True)
        known, first = network.read(own)
        more, second = network.read(elsewhere)
        rejected = pd.concat([first, second], ignore_index=True)
    values = pd.concat([known, more]) if len(more) else known
    return Answers("features", values.astype(float), known.index, head.weights, known.index, True, rejected)


def _at_layer(
    job: Job, model: PictureModel, own: pd.DataFrame, chosen: pd.Index, elsewhere: pd.DataFrame, layer: str
) -> Answers:
    network = _Reader(job, model, layer)
    known, first = network.read(own)
    more, second = network.read(elsewhere)
    explained = known.index.intersection(chosen, sort=False)
    slopes, _ = network.read(own[own["image_id"].isin(explained)], gradients=True)
    values = pd.concat([known, more]) if len(more) else known
    rejected = pd.concat([first, second], ignore_index=True)
    return Answers(layer, values, known.index, slopes.loc[explained].to_numpy(), explained, False, rejected)


def _encoded(job: Job, model: PictureModel, images: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Vectors of pictures from elsewhere by the source's encoder, kept; and what was set aside."""
    encoder = model.encoder
    assert encoder is not None
    if images.empty:
        return pd.DataFrame(), _rejected([], [])
    marks = [list(images["image_id"]), stamps(images["path"])]
    stage = job.data.space.stage(f"{STAGE}-{model.source}", job.data.features_stage(model.source), marks)

    def build(folder: Any) -> None:
        # a picture that cannot be read costs its concept a picture, and never the whole run
        embed(images, encoder, store=folder, max_rejected=1.0)

    store = FeatureStore(job.data.space.make(stage, build, resumable=True))
    lost = store.rejected()
    return store.read().dropna(), _rejected(lost["row"].tolist(), lost["reason"].tolist())


class _Reader(NamedTuple):
    """A layer of the model, asked about tables of pictures; its activations are kept by their content."""

    job: Job
    model: PictureModel
    layer: str
    inputs: bool = False

    def read(self, images: pd.DataFrame, *, gradients: bool = False) -> tuple[pd.DataFrame, pd.DataFrame]:
        """One row per picture that can be read, index ``image_id``, and what was set aside."""
        parts, lost, reasons = [], [], []
        starts = range(0, len(images), _STRETCH)
        for start in track(starts, "reading pictures"):
            rows = images.iloc[start : start + _STRETCH]
            names = rows["image_id"].to_numpy(dtype=object)
            arrays, why = self.model.read(rows)
            there = np.array([array is not None for array in arrays])
            lost += list(names[~there])
            reasons += [text for text, known in zip(why, there) if not known]
            found = [(name, _filled(array)) for name, array in zip(names, arrays) if array is not None]
            parts += [self._asked(found, gradients)] if found else []
        table = pd.concat(parts) if parts else pd.DataFrame()
        return table, _rejected(lost, reasons)

    def _asked(self, found: Sequence[tuple[str, npt.NDArray[Any]]], gradients: bool) -> pd.DataFrame:
        shapes = pd.Series([array.shape for _, array in found], dtype=object)
        parts = []
        for rows in shapes.groupby(shapes).groups.values():  # a stack has pictures of one size
            stack = np.stack([found[row][1] for row in rows])
            if gradients:
                target = _target(self.job, self.model)
                values = layer_gradients(self.model.network, stack, layer=self.layer, target=target)
            else:
                values = layer_activations(
                    self.model.network,
                    stack,
                    layer=self.layer,
                    inputs=self.inputs,
                    cache=self.job.data.space.folder / "activations",
                )
            index = pd.Index([found[row][0] for row in rows], name="image_id")
            parts.append(pd.DataFrame(values, index=index))
        table = pd.concat(parts)
        return table.loc[[name for name, _ in found]]


def _target(job: Job, model: PictureModel) -> int | None:
    return job.output if model.encoder is None else None


def _filled(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The picture with the mean of each band where it has no data."""
    gaps = np.isnan(array)
    if not gaps.any():
        return array
    count = np.maximum((~gaps).sum(axis=(1, 2), keepdims=True), 1)
    mean = np.where(gaps, 0.0, array).sum(axis=(1, 2), keepdims=True) / count
    return np.where(gaps, mean, array).astype(array.dtype)


def _rejected(names: Sequence[str], reasons: Sequence[str]) -> pd.DataFrame:
    rows = [(STAGE, name, "path", why) for name, why in zip(names, reasons)]
    return pd.DataFrame(rows, columns=list(REJECTED))
