"""What every pixel shows: classes learned on a backbone, mapped over whole rasters, outlined as polygons."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import default_collate

from geolivelihood.errors import InputError
from geolivelihood.models.training import seeded, use_device
from geolivelihood.pretraining.transfer.class_rasters import Predict, Strip, class_strips, classes_cog
from geolivelihood.pretraining.transfer.crops import random_crops
from geolivelihood.pretraining.transfer.estimator import Transfer
from geolivelihood.pretraining.transfer.fitting import CropPictures, fit_network, turned
from geolivelihood.pretraining.transfer.labels import BACKGROUND, IGNORED, Labelled, mask_of
from geolivelihood.pretraining.transfer.networks import Source, segmenter
from geolivelihood.pretraining.transfer.outlines import class_polygons
from geolivelihood.pretraining.transfer.scenes import Scene
from geolivelihood.pretraining.transfer.scores import class_iou, confusion, mean_iou

__all__ = ["Segmenter", "segmentation_loss"]

Floats = npt.NDArray[np.float32]
_MOST_CLASSES = 254  # a byte, without background and no data


class Segmenter(Transfer):
    """Map classes: a torchvision segmenter on a backbone that was pretrained.

    It learns from random crops and looks at a raster of any size window by window; where windows overlap,
    their probabilities are blended. What comes back are a COG of classes and polygons in the CRS of the
    raster.

    Parameters
    ----------
    architecture
        ``"deeplabv3"`` or ``"fcn"``, both on dilated layers that look every 8 pixels. (The paper's PSANet is
        in no maintained library.)
    backbone, weights
        As of :class:`Detector`.
    window
        Side in pixels of the crops learned from and the windows looked at.
    overlap
        Least share of a window that its neighbour sees too when a raster is scanned.
    crops_per_image, max_overlap
        Random crops per picture, and the most that two of them may share.
    dice
        Weight of a soft Dice loss beside the cross-entropy; it helps classes that cover little ground.
    bands, value_range, batch_size, max_epochs, learning_rate, weight_decay, optimiser, schedule
        As of :class:`Detector`.
    norm, trainable_layers, turns, device, devices, precision, workers, root, max_rejected, random_state
        As of :class:`Detector`.

    Attributes
    ----------
    classes_
        Names of the classes; background is none of them.
    network_
        The trained network.
    scaling_
        From values to inputs.
    loss_
        Mean loss of each epoch.
    rejected_
        ``row``, ``column``, ``reason`` of the pictures and labels set aside.

    References
    ----------
    .. [1] Ayush et al. (2021), "Geography-Aware Self-Supervised Learning", ICCV, arXiv 2011.09980.
    .. [2] Chen et al. (2017), "Rethinking Atrous Convolution for Semantic Image Segmentation",
       arXiv 1706.05587.
    """

    _head: ClassVar[str] = "segmenter"

    def __init__(
        self,
        architecture: str = "deeplabv3",
        *,
        backbone: Any = "resnet50",
        weights: str | os.PathLike[str] = "random",
        window: int = 400,
        overlap: float = 0.25,
        crops_per_image: int = 20,
        max_overlap: float = 1.0,
        dice: float = 0.0,
        bands: Sequence[int] | None = None,
        value_range: tuple[float, float] | None = None,
        batch_size: int = 4,
        max_epochs: int = 20,
        learning_rate: float = 1e-4,
        weight_decay: float = 1e-4,
        optimiser: str = "adamw",
        schedule: str = "cosine",
        norm: str = "batch",
        trainable_layers: int = 5,
        turns: bool = True,
        device: str = "auto",
        devices: int = 1,
        precision: str = "32-true",
        workers: int = 0,
        root: str | os.PathLike[str] | None = None,
        max_rejected: float = 0.1,
        random_state: int | None = 0,
    ) -> None:
        self.architecture = architecture
        self.backbone = backbone
        self.weights = weights
        self.window = window
        self.overlap = overlap
        self.crops_per_image = crops_per_image
        self.max_overlap = max_overlap
        self.dice = dice
        self.bands = bands
        self.value_range = value_range
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.optimiser = optimiser
        self.schedule = schedule
        self.norm = norm
        self.trainable_layers = trainable_layers
        self.turns = turns
        self.device = device
        self.devices = devices
        self.precision = precision
        self.workers = workers
        self.root = root
        self.max_rejected = max_rejected
        self.random_state = random_state

    def fit(self, images: gpd.GeoDataFrame, labels: gpd.GeoDataFrame) -> Self:
        """Learn the classes of some labels; what no label covers is background.

        Parameters
        ----------
        images
            ``image_id``, ``path`` and footprints, see
            :func:`~geolivelihood.pretraining.transfer.open_scenes`.
        labels
            Polygons in any CRS with ``class``; ``image_id`` where each was drawn in one picture. Later rows
            lie on top of earlier ones.

        Raises
        ------
        InputError
            If no picture or no label can be used, the pictures differ in kind, or an option does not fit.
        MissingColumnError, MissingCRSError
            If a table lacks a column or its CRS.
        TooManyRejectedError
            If more pictures cannot be read than ``max_rejected`` allows.
        """
        course = self._course()
        course.check()
        if self.dice < 0:
            msg = f"dice={self.dice}: give a weight of 0 or more."
            raise InputError(msg)
        scenes, labelled, source = self._ready(images, labels)
        crops = random_crops(
            scenes,
            size=self.window,
            per_image=self.crops_per_image,
            max_overlap=self.max_overlap,
            seed=self.random_state,
        )
        truth = _CropMask(labelled, self.window)
        pictures = CropPictures(
            scenes, crops, self.scaling_, truth, size=self.window, turns=self.turns, seed=self.random_state
        )
        with seeded(self.random_state):
            network = self._built(source)
            self.loss_ = fit_network(
                network,
                pictures,
                course,
                loss=self._loss,
                collate=default_collate,
                text="training the segmenter",
            )
        self.network_ = network
        return self

    def scan(
        self,
        raster: str | os.PathLike[str],
        *,
        out: str | os.PathLike[str] | None = None,
        min_area_m2: float = 0.0,
        crs: Any = None,
    ) -> gpd.GeoDataFrame:
        """Map the classes of a whole raster.

        Memory holds one row of windows and the polygons, whatever the size of the raster.

        Parameters
        ----------
        raster
            Anything GDAL opens.
        out
            Where to write the classes as a COG on the grid of the raster: 0 is background, then the classes
            in order, 255 is no data. ``None`` writes none.
        min_area_m2
            Smaller polygons are left out; the COG has them.
        crs
            For a raster that has a grid and no CRS.

        Returns
        -------
        geopandas.GeoDataFrame
            ``class``, ``area_m2``, polygons of each class in the CRS of the raster.

        Raises
        ------
        MissingCRSError
            If nothing says where the raster lies.
        InputError
            If it is damaged, or not of the kind that the model was trained on.
        OutputError
            If ``out`` cannot be written.
        Cancelled
            If the reporter asks to stop; there is no ``out`` then.
        """
        scene = self._raster(raster, crs)
        names = [BACKGROUND, *self.classes_]
        tags = {"backbone": self.backbone_["architecture"], "architecture": self.architecture}
        with tempfile.TemporaryDirectory(prefix="geolivelihood-") as folder:
            target = Path(folder, "classes.tif") if out is None else Path(out)
            with classes_cog(target, scene, classes=names, tags=tags) as cog:
                for strip in self._strips(scene):
                    height, width = strip.codes.shape
                    where = ((strip.row, strip.row + height), (strip.column, strip.column + width))
                    cog.write(strip.codes, 1, window=where)
            return class_polygons(target, classes=names, min_area_m2=min_area_m2)

    def evaluate(self, images: gpd.GeoDataFrame, labels: gpd.GeoDataFrame) -> dict[str, Any]:
        """Intersection over union over the pixels of pictures that were held out, each scanned whole.

        Parameters
        ----------
        images, labels
            As for :meth:`fit`; labels of other classes are left out.

        Returns
        -------
        dict
            ``mIoU`` (mean over the classes that are there, background counted, 0 to 1), ``IoU`` by class,
            ``accuracy``, ``constant_mIoU`` (of a map that is all background), ``images``, ``pixels``.
        """
        scenes, labelled = self._held(images, labels)
        names = [BACKGROUND, *self.classes_]
        counts = np.zeros((len(names), len(names)), dtype=np.int64)
        for scene, shapes, codes in zip(scenes, labelled.shapes, labelled.codes):
            for strip in self._strips(scene):
                height, width = strip.codes.shape
                true = mask_of(shapes, codes, (strip.column, strip.row, width, height))
                counts += confusion(true, strip.codes, classes=len(names), ignored=IGNORED)
        constant = np.zeros_like(counts)
        constant[:, 0] = counts.sum(axis=1)
        return {
            "mIoU": mean_iou(counts),
            "IoU": dict(zip(names, class_iou(counts).tolist())),
            "accuracy": float(np.diag(counts).sum() / max(counts.sum(), 1)),
            "constant_mIoU": mean_iou(constant),
            "images": len(scenes),
            "pixels": int(counts.sum()),
        }

    def _built(self, source: Source) -> nn.Module:
        if len(self.classes_) > _MOST_CLASSES:
            msg = f"There are {len(self.classes_)} classes; a map of bytes holds {_MOST_CLASSES}."
            raise InputError(msg)
        return segmenter(
            source,
            self.architecture,
            classes=len(self.classes_) + 1,
            norm=self.norm,
            trainable_layers=self.trainable_layers,
        )

    def _loss(self, network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        pixels, truth = batch
        return segmentation_loss(network(pixels).float(), truth, dice=self.dice)

    def _strips(self, scene: Scene) -> Iterator[Strip]:
        return class_strips(
            scene,
            self._predictor(),
            classes=len(self.classes_) + 1,
            size=self.window,
            overlap=self.overlap,
            batch_size=self.batch_size,
        )

    def _predictor(self) -> Predict:
        where = use_device(self.device)
        network = self.network_.to(where).eval()

        def predict(pixels: Floats) -> Floats:
            inputs = torch.from_numpy(self.scaling_.apply(pixels)).to(where)
            with torch.inference_mode():
                return torch.softmax(network(inputs).float(), dim=1).cpu().numpy()

        return predict


def segmentation_loss(logits: Tensor, truth: Tensor, *, dice: float = 0.0) -> Tensor:
    """Mean cross-entropy over the pixels with data, plus ``dice`` times one minus the mean soft Dice.

    Parameters
    ----------
    logits
        (n, classes, height, width).
    truth
        (n, height, width) int64 codes; 255 is no data.
    dice
        Weight of the Dice loss: 1 - 2 |p t| / (|p| + |t|), mean over the classes.
    """
    known = (truth != IGNORED)[:, None]
    total = functional.cross_entropy(logits, truth, ignore_index=IGNORED, reduction="sum")
    # a batch without any data has the loss 0, where the mean would be none
    loss = total / known.sum().clamp_min(1)
    if not dice:
        return loss
    likely = torch.softmax(logits, dim=1) * known
    true = functional.one_hot(torch.where(known[:, 0], truth, 0), logits.shape[1]).movedim(-1, 1) * known
    both = (likely * true).sum(dim=(0, 2, 3))
    sizes = likely.sum(dim=(0, 2, 3)) + true.sum(dim=(0, 2, 3))
    return loss + dice * (1 - (2 * both + 1) / (sizes + 1)).mean()


class _CropMask:
    """Mask of a crop; a class, so that worker processes can have it."""

    def __init__(self, labelled: Labelled, size: int) -> None:
        self.labelled, self.size = labelled, size

    def __call__(
        self, scene: int, corner: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_], turn: tuple[int, bool]
    ) -> npt.NDArray[np.int64]:
        window = (int(corner[0]), int(corner[1]), self.size, self.size)
        mask = mask_of(self.labelled.shapes[scene], self.labelled.codes[scene], window)
        masked = np.where(valid, mask, IGNORED).astype(np.int64)
        return np.ascontiguousarray(turned(masked, turn))
