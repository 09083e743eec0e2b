"""What detectors and segmenters have in common: options, the way from tables to a trained network."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any, ClassVar

import geopandas as gpd
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import nn

from geolivelihood.errors import InputError, TooManyRejectedError
from geolivelihood.pretraining.transfer.fitting import Course
from geolivelihood.pretraining.transfer.labels import Labelled, label_scenes
from geolivelihood.pretraining.transfer.networks import Source, source_network
from geolivelihood.pretraining.transfer.scaling import Scaling, measure
from geolivelihood.pretraining.transfer.scenes import Scene, open_scene, open_scenes

__all__ = ["Transfer"]

_log = logging.getLogger(__name__)


class Transfer(BaseEstimator):
    """A backbone with a new head; :class:`Detector` and :class:`Segmenter` say which."""

    _head: ClassVar[str]
    architecture: str
    backbone: Any
    weights: Any
    window: int
    bands: Sequence[int] | None
    value_range: tuple[float, float] | None
    batch_size: int
    norm: str
    trainable_layers: int
    device: str
    root: str | os.PathLike[str] | None
    max_rejected: float
    random_state: int | None

    def _opened(self, images: gpd.GeoDataFrame) -> tuple[list[Scene], pd.DataFrame]:
        scenes, rejected = open_scenes(images, bands=self.bands, root=self.root)
        if len(rejected) > self.max_rejected * len(images):
            first = rejected.iloc[0]
            msg = (
                f"{len(rejected)} of {len(images)} pictures cannot be used, more than max_rejected="
                f"{self.max_rejected}. The first, {first['row']}: {first['reason']}"
            )
            raise TooManyRejectedError(msg)
        return scenes, rejected

    def _ready(
        self, images: gpd.GeoDataFrame, labels: gpd.GeoDataFrame
    ) -> tuple[list[Scene], Labelled, Source]:
        """Everything that training starts from; learns the classes and the scaling."""
        scenes, unreadable = self._opened(images)
        labelled = label_scenes(scenes, labels)
        source = source_network(
            self.backbone, weights=self.weights, bands=len(scenes[0].bands), seed=self.random_state
        )
        self.classes_ = labelled.classes
        self.scaling_ = measure(scenes, source, value_range=self.value_range)
        self.backbone_: dict[str, Any] = {
            "architecture": source.architecture,
            "bands": source.bands,
            "weights": source.weights,
        }
        self.rejected_ = pd.concat([unreadable, labelled.rejected], ignore_index=True)
        if len(self.rejected_):
            counts = self.rejected_["reason"].value_counts().head(5)
            told = "; ".join(f"{count:,} {reason}" for reason, count in counts.items())
            _log.warning("%d pictures and labels were set aside: %s", len(self.rejected_), told)
        return scenes, labelled, source

    def _held(self, images: gpd.GeoDataFrame, labels: gpd.GeoDataFrame) -> tuple[list[Scene], Labelled]:
        """Scenes and labels to score on."""
        check_is_fitted(self, "network_")
        scenes, _ = self._opened(images)
        for scene in scenes:
            self.scaling_.check(scene)
        return scenes, label_scenes(scenes, labels, classes=self.classes_)

    def _raster(self, raster: str | os.PathLike[str], crs: Any) -> Scene:
        """The raster to scan."""
        check_is_fitted(self, "network_")
        scene = open_scene(raster, bands=self.bands, crs=crs)
        self.scaling_.check(scene)
        return scene

    def _course(self) -> Course:
        names = set(Course._fields) - {"seed"}
        return Course(**{name: getattr(self, name) for name in names}, seed=self.random_state)

    def _built(self, source: Source) -> nn.Module:
        """The untrained network."""
        raise NotImplementedError

    def _state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Tensors and JSON that make the trained model again."""
        check_is_fitted(self, "network_")
        state = {
            "classes": list(self.classes_),
            "scaling": self.scaling_._asdict(),
            "backbone": self.backbone_,
            "loss": self.loss_,
        }
        return {name: value.contiguous() for name, value in self.network_.state_dict().items()}, state

    def _restore(self, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
        """Become the model that was saved."""
        self.classes_, self.loss_ = tuple(state["classes"]), list(state["loss"])
        self.scaling_, self.backbone_ = Scaling.restored(state["scaling"]), dict(state["backbone"])
        bands = int(self.backbone_["bands"])
        network = self._built(source_network(self.backbone_["architecture"], bands=bands))
        own = {name: tuple(value.shape) for name, value in network.state_dict().items()}
        saved = {name: tuple(value.shape) for name, value in tensors.items()}
        if own != saved:
            wrong = sorted(name for name in own.keys() | saved.keys() if own.get(name) != saved.get(name))
            msg = f"The saved weights do not fit the network of the card: {', '.join(wrong[:5])}."
            raise InputError(msg)
        network.load_state_dict(tensors)
        self.network_ = network.eval()
        self.rejected_ = pd.DataFrame(columns=["row", "column", "reason"])
