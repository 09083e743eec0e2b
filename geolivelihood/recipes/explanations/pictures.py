"""What the models of a project say of single pictures."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from safetensors.torch import load_file
from torch import nn

from geolivelihood import cells as h3cells
from geolivelihood.errors import InputError
from geolivelihood.features import Encoder, Loader, Picture, encoder_module
from geolivelihood.features.pictures import Reading, three_bytes
from geolivelihood.features.store import STATE
from geolivelihood.recipes.explanations.job import Job
from geolivelihood.recipes.settings import FILE_MODELS

__all__ = ["PictureModel", "chosen_images", "chosen_source", "fitted_encoder", "picture_model"]

Floats = npt.NDArray[np.float64]
_LINEAR = ("ridge", "cell")


@dataclass(frozen=True)
class PictureModel:
    """What a project's model says of single pictures of one source.

    Attributes
    ----------
    network
        Torch module from pictures (n, bands, height, width) to (n, 1): how far a picture moves the prediction
        of its place from that of a place with average features, in the unit of the indicator. Or a fitted
        :class:`~geolivelihood.models.ImageRegressor`.
    base
        What is to be added for the prediction of a place that shows this picture and is average otherwise.
    source
        Name of the source.
    encoder
        What turned its pictures into vectors; ``None`` for a model of its own.
    size
        Side of the pictures that a model of its own takes.
    """

    network: Any
    base: float
    source: str
    encoder: Encoder | None
    size: int | None = None

    @property
    def fit(self) -> Any:
        """How whole pictures become squares: ``"squash"`` or ``"crop"``."""
        return "squash" if self.encoder is None else self.encoder.reading.fit

    def read(self, images: pd.DataFrame) -> tuple[list[np.ndarray | None], list[str]]:
        """Pictures as :attr:`network` takes them.

        Parameters
        ----------
        images
            ``image_id``, ``path``, perhaps windows.

        Returns
        -------
        arrays
            (bands, height, width) float32 per row, NaN = no data; ``None`` where it cannot be read.
        reasons
            Why it cannot, per row; empty where it can.
        """
        loader = Loader(images.reset_index(drop=True), self.encoder or _Plain(self.size or 224), None)
        found = loader.load(np.arange(len(images)))
        scale = 255 if self.encoder is not None and self.encoder.name != "rcf" else 1
        arrays = [
            None
            if item.array is None
            else item.array.astype(np.float32) * (1 if item.array.dtype == np.uint8 else scale)
            for item in found
        ]
        return arrays, [item.reason for item in found]


class _Plain:
    """Pictures as an :class:`~geolivelihood.models.ImageRegressor` takes them: three bands, 0-255."""

    name = "plain"

    def __init__(self, size: int) -> None:
        self.reading = Reading(size=size, enlarge=True)

    def prepare(self, picture: Picture) -> np.ndarray:
        """Pixels (3, size, size) float32, 0-255; InputError without three bands of 8 or 16 bits."""
        return three_bytes(picture).astype(np.float32)


def picture_model(job: Job) -> PictureModel:
    """The part of a project's model that sees single pictures.

    A ridge model, and a cell model with a linear head, are linear in the mean features of a place, so that
    their prediction is the mean of what they say of its pictures. Of the cell model this is what a cell's own
    pictures say; what its neighbours add is not in them.

    Raises
    ------
    InputError
        If the model says nothing of single pictures, or the encoder of the source is no network.
    """
    choice, source = job.choice, chosen_source(job)
    if choice.name == "image":
        return PictureModel(job.fitted, 0.0, source, None, job.fitted.size)
    if choice.name not in _LINEAR or getattr(job.fitted, "head_", "linear") != "linear":
        raise InputError(_refusal(job))
    made = fitted_encoder(job, source)
    weights, mean, base = _linear(job, source)
    network = nn.Sequential(OrderedDict(encoder_module(made).named_children()))
    head = nn.Linear(len(weights), 1)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weights)[None])
        head.bias.fill_(float(-weights @ mean))
    network.add_module("head", head)
    return PictureModel(network.eval(), base, source, made)


def fitted_encoder(job: Job, source: str) -> Encoder:
    """The encoder of a source with what it learned from the pictures."""
    made = job.data.build_encoder(source)
    if made.fitted:
        return made
    job.data.features(source)
    return made.restore(load_file(job.data.space.path(job.data.features_stage(source)) / STATE))


def chosen_source(job: Job) -> str:
    """The source that is asked for, else the model's first with an encoder.

    Raises
    ------
    InputError
        If the model does not see it; the message says what it sees.
    """
    sees = job.data.seen_by(job.choice)
    fits = [name for name in sees if job.choice.name in FILE_MODELS or job.data.source(name).encoder]
    if job.source is None and fits:
        return fits[0]
    if job.source in fits:
        return job.source
    there = f"it sees {', '.join(fits)}" if fits else "it sees no pictures"
    msg = f"The model {job.choice.key!r} does not see pictures of {job.source!r}; {there}."
    raise InputError(msg)


def chosen_images(job: Job, source: str) -> gpd.GeoDataFrame:
    """Pictures of a source that are asked for by their own id, or by that of their cluster or cell.

    Raises
    ------
    InputError
        If an id is none of these.
    """
    images = job.data.images(source).drop_duplicates("image_id").reset_index(drop=True)
    if job.ids is None:
        return images
    wanted = set(job.ids)
    owners = [images[["image_id"]].assign(owner=images["image_id"])]
    if job.data.project.clusters and wanted - set(images["image_id"]):
        owners.append(job.data.pairs(source).rename(columns={"cluster_id": "owner"}))
    if wanted & set(h3cells.cell_names(job.data.cells)):
        owners.append(job.data.cell_pairs(source).rename(columns={"cluster_id": "owner"}))
    known = pd.concat(owners)
    known = known[known["owner"].isin(wanted)]
    missing = sorted(wanted - set(known["owner"]))
    if missing:
        some = ", ".join(missing[:5]) + (" ..." if len(missing) > 5 else "")
        msg = (
            f"{len(missing)} of {len(wanted)} ids are no picture of {source!r}, and no cluster or cell with "
            f"one: {some}. Pictures are called like {images['image_id'].iloc[0]!r}."
        )
        raise InputError(msg)
    return images[images["image_id"].isin(known["image_id"])].reset_index(drop=True)


def _linear(job: Job, source: str) -> tuple[Floats, Floats, float]:
    """Weights of a source's features in the unit of the indicator, their means, and the mean prediction."""
    model, names = job.fitted, job.data.seen_by(job.choice)
    widths = [job.data.features(name).shape[1] for name in names]
    at = names.index(source)
    own = slice(sum(widths[:at]), sum(widths[: at + 1]))
    if job.choice.name == "ridge":
        solved, unit, origin = (model.coef_, model.intercept_), 1.0, 0.0
    else:
        solved = model.solution_.coef, model.solution_.intercept
        scaled = model.target_scale_
        unit, origin = _one(scaled.scale, job.output), _one(scaled.mean, job.output)
    coef, intercept = np.atleast_2d(solved[0])[job.output], _one(solved[1], job.output)
    return coef[own] / model.scale_.scale[own] * unit, model.scale_.mean[own], intercept * unit + origin


def _one(values: Any, at: int) -> float:
    """The number of one of several targets, or the only one."""
    several = np.atleast_1d(np.asarray(values, dtype=float))
    return float(several[at if len(several) > 1 else 0])


def _refusal(job: Job) -> str:
    """Why a model cannot be explained by its pictures, and which models of the project can."""
    can = [
        model.key
        for model in job.lineup.project.models
        if model.name in ("image", "ridge")
        or (model.name == "cell" and model.options.get("head", "auto") in ("auto", "linear"))
    ]
    others = [key for key in can if key != job.choice.key]
    advice = f"Explain {' or '.join(others)} by --model" if others else "Add a model 'ridge' to the project"
    return (
        f"What the model {job.choice.key!r} says of a place is not the mean of what it says of its pictures, "
        f"so it cannot be shown in them. {advice}; graph models are explained by their links "
        "(--method links_occlusion)."
    )
