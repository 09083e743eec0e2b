"""Things in pictures from above: boxes learned on a backbone, found in whole rasters, laid on the ground."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Self

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
import torch
from torch import Tensor, nn

from geolivelihood.models.training import seeded, use_device
from geolivelihood.pretraining.transfer.crops import cropped_boxes, random_crops, turned_boxes
from geolivelihood.pretraining.transfer.estimator import Transfer
from geolivelihood.pretraining.transfer.fitting import CropPictures, fit_network
from geolivelihood.pretraining.transfer.labels import Labelled, boxes_of
from geolivelihood.pretraining.transfer.merging import cut_boxes, distinct_boxes, own_boxes
from geolivelihood.pretraining.transfer.networks import Source, detector
from geolivelihood.pretraining.transfer.scanning import Seen, look, starts
from geolivelihood.pretraining.transfer.scenes import Scene
from geolivelihood.pretraining.transfer.scores import Boxes, average_precision
from geolivelihood.progress import track

__all__ = ["PAPER_DETECTION", "Detector"]

PAPER_DETECTION: Mapping[str, Any] = MappingProxyType(
    {
        "architecture": "retinanet",
        "backbone": "resnet50",
        "window": 416,
        "crops_per_image": 100,
        "max_overlap": 0.25,
        "batch_size": 4,
        "optimiser": "adam",
        "learning_rate": 1e-5,
        "weight_decay": 0.0,
        "schedule": "constant",
        "trainable_layers": 5,
        "turns": False,
        "head_norm": False,
    }
)
"""Options of :class:`Detector` as published for xView (Ayush et al. 2021, section 5.2)."""


class Detector(Transfer):
    """Find things: a torchvision detector with a feature pyramid on a backbone that was pretrained.

    It learns from random crops and looks at a raster of any size window by window. What comes back are
    polygons in the CRS of the raster, also where that is rotated.

    Parameters
    ----------
    architecture
        ``"retinanet"`` or ``"faster_rcnn"``.
    backbone
        A torchvision name of the ResNet family, a folder of a saved encoder, or a headless network with its
        architecture's name.
    weights
        Where the backbone is a name: ``"random"``, a weights file, torchvision's name (``"DEFAULT"``).
    window
        Side in pixels of the crops learned from and the windows looked at.
    overlap
        Least share of a window that its neighbour sees too when a raster is scanned; things should be no
        longer than that part.
    crops_per_image, max_overlap
        Random crops per picture, and the most that two of them may share.
    anchors
        Sides in pixels, one per level of the pyramid (five); the sizes of the things.
    channels
        Of the pyramid and the heads.
    head_norm
        Whether the head normalises by groups of channels: new heads learn several times faster.
    least_share
        Share of a box that must be inside a crop for the crop to teach it.
    bands
        Bands of the pictures, counted from 1; ``None`` takes all but an alpha band.
    value_range
        Values that are black and white. ``None`` takes what the saved encoder says, else 0 to 255 for bytes,
        else the 1st and 99th percentile of the training pictures.
    batch_size, max_epochs, learning_rate, weight_decay
        Of the training, batches per device; there is no early stopping.
    optimiser, schedule
        ``"adamw"`` or ``"adam"``; ``"cosine"`` (after a warm-up) or ``"constant"``.
    norm
        Batch normalisation of the backbone: ``"batch"`` learns on, ``"frozen"`` stays as pretrained,
        ``"synchronised"`` shares its statistics between several GPUs (on one it is ``"batch"``).
    trainable_layers
        Layers of the backbone that learn, from its end: 0 (none) to 5 (all). Others do not move, nor do the
        statistics of their normalisation.
    turns
        Turn crops by quarters and mirror them: from above, no direction is up.
    device, devices, precision, workers
        ``"auto"``, ``"cpu"`` or ``"cuda"``; how many; Lightning's precision; processes that read crops.
    root
        Folder that the paths of the images start from.
    max_rejected
        Share of the pictures that may be unreadable; more stop the training.
    random_state
        Of new weights, crops, turns and order.

    Attributes
    ----------
    classes_
        Names of the classes.
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
    .. [2] Lin et al. (2017), "Focal Loss for Dense Object Detection", ICCV, arXiv 1708.02002.
    """

    _head: ClassVar[str] = "detector"

    def __init__(
        self,
        architecture: str = "retinanet",
        *,
        backbone: Any = "resnet50",
        weights: str | os.PathLike[str] = "random",
        window: int = 416,
        overlap: float = 0.25,
        crops_per_image: int = 20,
        max_overlap: float = 0.25,
        anchors: Sequence[int] = (32, 64, 128, 256, 512),
        channels: int = 256,
        head_norm: bool = True,
        least_share: float = 0.25,
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
        self.anchors = anchors
        self.channels = channels
        self.head_norm = head_norm
        self.least_share = least_share
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
        """Learn the classes of some labels.

        Parameters
        ----------
        images
            ``image_id``, ``path`` and footprints, see
            :func:`~geolivelihood.pretraining.transfer.open_scenes`.
        labels
            Polygons in any CRS with ``class``; ``image_id`` where each was drawn in one picture. The box of
            each is what is learned. A picture without labels teaches what is nothing.

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
        scenes, labelled, source = self._ready(images, labels)
        crops = random_crops(
            scenes,
            size=self.window,
            per_image=self.crops_per_image,
            max_overlap=self.max_overlap,
            seed=self.random_state,
        )
        truth = _CropBoxes(labelled, self.window, self.least_share)
        pictures = CropPictures(
            scenes, crops, self.scaling_, truth, size=self.window, turns=self.turns, seed=self.random_state
        )
        with seeded(self.random_state):
            network = self._built(source)
            self.loss_ = fit_network(
                network, pictures, course, loss=_loss, collate=_collated, text="training the detector"
            )
        self.network_ = network
        return self

    def scan(
        self, raster: str | os.PathLike[str], *, min_score: float = 0.3, crs: Any = None
    ) -> gpd.GeoDataFrame:
        """Find things in a whole raster.

        Windows overlap; a thing on the edge of one is reported by its neighbour, and boxes that several
        windows report are merged by non-maximum suppression. Memory holds some windows and the boxes.

        Parameters
        ----------
        raster
            Anything GDAL opens.
        min_score
            Least score, 0 to 1.
        crs
            For a raster that has a grid and no CRS.

        Returns
        -------
        geopandas.GeoDataFrame
            ``class``, ``score``, boxes as polygons in the CRS of the raster; surest first.

        Raises
        ------
        MissingCRSError
            If nothing says where the raster lies.
        InputError
            If it is damaged, or not of the kind that the model was trained on.
        Cancelled
            If the reporter asks to stop.
        """
        scene = self._raster(raster, crs)
        found = self._detected(scene)
        kept = found.scores >= min_score
        frame = {
            "class": np.asarray(self.classes_, dtype=object)[found.codes[kept] - 1],
            "score": found.scores[kept],
        }
        shapes = shapely.box(*found.boxes[kept].T)
        return gpd.GeoDataFrame(frame, geometry=scene.to_ground(shapes).to_numpy(), crs=scene.crs)

    def evaluate(self, images: gpd.GeoDataFrame, labels: gpd.GeoDataFrame) -> dict[str, Any]:
        """Average precision at an IoU of .5 over pictures that were held out, each scanned whole.

        Parameters
        ----------
        images, labels
            As for :meth:`fit`; labels of other classes are left out.

        Returns
        -------
        dict
            ``AP50`` (mean over the classes that are there, 0 to 1), ``AP50_by_class``, ``images``,
            ``labels``, ``found``.
        """
        scenes, labelled = self._held(images, labels)
        found = [self._detected(scene) for scene in scenes]
        true = [
            Boxes(boxes_of(shapes), codes, np.ones(len(codes)))
            for shapes, codes in zip(labelled.shapes, labelled.codes)
        ]
        by_class = {
            name: average_precision(found, true, code=code)
            for code, name in enumerate(self.classes_, start=1)
        }
        return {
            "AP50": float(np.nanmean(list(by_class.values()))),
            "AP50_by_class": by_class,
            "images": len(scenes),
            "labels": labelled.total,
            "found": sum(len(boxes.scores) for boxes in found),
        }

    def _built(self, source: Source) -> nn.Module:
        return detector(
            source,
            self.architecture,
            classes=len(self.classes_),
            window=self.window,
            anchors=self.anchors,
            channels=self.channels,
            head_norm=self.head_norm,
            norm=self.norm,
            trainable_layers=self.trainable_layers,
        )

    def _detected(self, scene: Scene) -> Boxes:
        """Boxes of a whole scene in its pixels, each thing once, surest first."""
        where = use_device(self.device)
        network = self.network_.to(where).eval()
        rows, columns = (
            starts(extent, size=self.window, overlap=self.overlap) for extent in (scene.height, scene.width)
        )
        corners = np.stack([np.tile(columns, len(rows)), np.repeat(rows, len(columns))], axis=1)
        seen = look(scene, corners, size=self.window, batch_size=self.batch_size)
        parts = [(*_empty(), np.zeros(0, dtype=bool))]
        batches = -(-len(corners) // self.batch_size)
        for some in track(seen, f"looking for things in {scene.image_id}", total=batches):
            parts += self._of_windows(network, some, scene, where)
        boxes, codes, scores, cut = (np.concatenate(part) for part in zip(*parts))
        # what a window saw whole goes before what its edge cut, however sure the other is of its part
        kept = distinct_boxes(boxes, scores - cut, codes)
        kept = kept[np.argsort(-scores[kept], kind="stable")]
        return Boxes(boxes[kept], codes[kept], scores[kept])

    def _of_windows(
        self, network: nn.Module, seen: Seen, scene: Scene, where: torch.device
    ) -> list[tuple[Any, ...]]:
        """Boxes of some windows in pixels of the scene: boxes, codes, scores, whether an edge cut them."""
        inputs = torch.from_numpy(self.scaling_.apply(seen.pixels)).to(where)
        with torch.inference_mode():
            results = network(list(inputs))
        edge = (scene.width, scene.height)
        parts = []
        for corner, result in zip(seen.corners, results):
            window: dict[str, Any] = {"corner": corner, "size": self.window, "extent": edge}
            moved = result["boxes"].double().cpu().numpy() + np.tile(corner, 2)
            own = own_boxes(moved, overlap_px=round(self.overlap * self.window), **window)
            boxes = np.clip(moved, 0, np.tile(edge, 2))  # a window may reach beyond the raster
            own &= ((boxes[:, 2:] - boxes[:, :2]) > 0).all(axis=1)
            codes, scores = (result[name].cpu().numpy()[own] for name in ("labels", "scores"))
            cut = cut_boxes(boxes[own], **window)
            parts.append((boxes[own], codes.astype(np.int64), scores.astype(np.float64), cut))
        return parts


class _CropBoxes:
    """Boxes of a crop as torchvision takes them; a class, so that worker processes can have it."""

    def __init__(self, labelled: Labelled, size: int, least_share: float) -> None:
        self.boxes = [boxes_of(shapes) for shapes in labelled.shapes]
        self.codes, self.size, self.least_share = labelled.codes, size, least_share

    def __call__(
        self,
        scene: int,
        corner: npt.NDArray[np.int64],
        valid: npt.NDArray[np.bool_],
        turn: tuple[int, bool],
    ) -> dict[str, Tensor]:
        boxes, kept = cropped_boxes(self.boxes[scene], corner, size=self.size, least_share=self.least_share)
        codes = self.codes[scene][kept]
        return {
            "boxes": torch.from_numpy(turned_boxes(boxes, turn, self.size)),
            "labels": torch.from_numpy(codes),
        }


def _collated(batch: list[tuple[Tensor, dict[str, Tensor]]]) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    pixels, targets = zip(*batch)
    return list(pixels), list(targets)


def _loss(network: nn.Module, batch: tuple[list[Tensor], list[dict[str, Tensor]]]) -> Tensor:
    return torch.stack(list(network(*batch).values())).sum()


def _empty() -> Boxes:
    return Boxes(np.zeros((0, 4)), np.zeros(0, dtype=np.int64), np.zeros(0))
