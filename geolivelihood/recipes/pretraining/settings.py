"""What a project file of encoders says: the pictures, the network, how it learns, how it is tried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from geolivelihood.pretraining.training import Precision
from geolivelihood.recipes.project_file import ProjectFile
from geolivelihood.recipes.settings import ImageSource, Section

__all__ = [
    "Around",
    "EncoderProject",
    "Finetuning",
    "Geography",
    "Labels",
    "Monitor",
    "Network",
    "Pictures",
    "Pretraining",
    "Probing",
    "Windows",
]

Logger = Literal["csv", "tensorboard", "wandb"]


class Windows(Section):
    """Windows side by side over whole rasters, a folder of them or a pattern."""

    raster: str | list[str]
    size_px: int = Field(ge=1)
    step_px: int | None = Field(default=None, ge=1)
    crs: str | None = None


class Around(Section):
    """The places that ``chips`` are cut around: a file of points or polygons and the column of their ids."""

    path: str
    layer: str | None = None
    id: str
    where: dict[str, Any] = Field(default_factory=dict)
    crs: str | None = None


class Pictures(ImageSource):
    """The pictures to learn from: files of any kind, a published collection, or parts of rasters.

    ``windows`` lie side by side over rasters; ``chips`` are cut ``around`` places.

    ``places_m`` makes one place of pictures within so many metres, where no column ``place_id`` says which
    pictures are of one place. ``value_range`` are the values that become black and white in rasters of
    physical units.
    """

    origins: ClassVar[tuple[str, ...]] = (
        *("collection", "table", "photos", "geotiffs", "tiles", "windows", "chips"),
    )

    name: str = "images"
    collection: str | None = None
    path: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    windows: Windows | None = None
    around: Around | None = None
    places_m: float | None = Field(default=None, gt=0)
    bands: list[Annotated[int, Field(ge=1)]] | None = Field(default=None, min_length=1)
    value_range: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if (self.collection is None) != (self.path is None):
            msg = "'collection' and 'path', the folder that it lies in, belong together"
            raise ValueError(msg)
        if (self.chips is None) != (self.around is None):
            msg = "'chips' and 'around', the places that they are cut around, belong together"
            raise ValueError(msg)
        if self.options and self.collection is None:
            msg = "'options' are those of a 'collection', such as {split: train}"
            raise ValueError(msg)
        return self


class Network(Section):
    """The encoder: a torchvision backbone, the side of its pictures, and the weights that it starts from.

    ``weights``: ``random``, a file, torchvision's own name, or a published checkpoint (``.pth.tar``).
    """

    backbone: str = "resnet50"
    size: int = Field(default=224, ge=8)
    weights: str = "random"


class Labels(Section):
    """What is known of the pictures: a column of theirs, or of a table.

    ``key`` is the pictures' column that joins the ``table``, ``table_key`` the table's own name of it. Chips
    know the columns of the places that they were cut ``around``.
    """

    column: str
    table: str | None = None
    key: str = "image_id"
    table_key: str | None = None
    where: dict[str, Any] = Field(default_factory=dict)
    task: Literal["auto", "classification", "regression"] = "auto"


class Monitor(Section):
    """A look at the encoder while it learns; the best checkpoint by it is kept."""

    labels: Labels
    kind: Literal["knn", "probe"] = "knn"
    every: int = Field(default=5, ge=1)
    folds: int = Field(default=3, ge=2)


class Geography(Section):
    """Where a picture is, as classes that the encoder also learns to tell.

    ``sphere``: clusters on the sphere; ``h3``: cells at several ``resolutions``, coarse ones parents of the
    fine; ``degrees``: clusters of latitude and longitude, as published. With ``bandwidth_m`` a picture
    belongs to the classes near it too, the less the farther.
    """

    kind: Literal["sphere", "h3", "degrees"] = "sphere"
    clusters: int = Field(default=100, ge=2)
    resolutions: tuple[int, ...] = (0, 1, 2)
    bandwidth_m: float | None = Field(default=None, gt=0)


class Pretraining(Section):
    """How the encoder learns.

    ``moco``: without labels; with ``temporal`` the two views are of one place at two times, ``geo`` also
    predicts where it is. ``rank_n_contrast`` and ``supervised`` (L1) learn from ``target``. ``preset``
    ``paper`` is the published recipe; ``options`` are those of the method, ``pairs`` those of the pairing,
    ``optimisation`` those of the optimiser. ``cache_px`` keeps copies of the pictures with that short side,
    which are faster to read.
    """

    method: Literal["moco", "rank_n_contrast", "supervised"] = "moco"
    preset: Literal["default", "paper"] = "default"
    temporal: bool = False
    geo: Geography | None = None
    target: list[Labels] | None = None
    augmentation: Literal["auto", "paper", "overhead", "rank", "plain"] = "auto"
    pairs: dict[str, Any] = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)
    optimisation: dict[str, Any] = Field(default_factory=dict)
    epochs: int | None = Field(default=None, ge=1)
    batch_size: int | None = Field(default=None, ge=2)
    cache_px: int | None = Field(default=None, ge=16)
    workers: int = Field(default=0, ge=0)
    devices: int = Field(default=1, ge=1)
    nodes: int = Field(default=1, ge=1)
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    precision: Precision = "auto"
    loggers: tuple[Logger, ...] = ("csv",)
    keep: int = Field(default=3, ge=1)
    save_every_steps: int | None = Field(default=None, ge=1)
    monitor: Monitor | None = None

    @field_validator("geo", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for fault in self._faults():
            raise ValueError(fault)
        return self

    def _faults(self) -> Iterator[str]:
        contrast = self.method == "moco"
        if contrast and self.target:
            yield "'moco' learns without labels; 'target' is for rank_n_contrast and supervised"
        if not contrast and not self.target:
            yield f"{self.method!r} needs 'target', the labels to learn from"
        if not contrast and (self.temporal or self.geo):
            yield f"'temporal' and 'geo' are switches of moco, not of {self.method}"
        if self.pairs and not self.temporal:
            yield "'pairs' (min_gap_days ...) are of two times of a place: they need 'temporal: true'"


class Probing(Section):
    """How the frozen encoder is tried: heads on its features under random and under blocked folds.

    ``heads``: ``ridge``, ``absolute`` (L1), ``logistic``, ``knn``; without them the linear one and ``knn``.
    ``compare_random`` sets the same network with random weights and plain pixel statistics beside it.
    ``vote``: the pictures of a place decide together. ``picture``: the embedding drawn in two dimensions,
    coloured by these columns.
    """

    labels: Labels
    heads: tuple[str, ...] = ()
    folds: int = Field(default=5, ge=2)
    block_resolution: int | None = Field(default=None, ge=0, le=15)
    buffer_m: float = Field(default=0.0, ge=0)
    vote: bool = False
    compare_random: bool = True
    picture: tuple[str, ...] = ()


class Finetuning(Section):
    """How the encoder is put to a task of its own: a value or class per picture, boxes, or masks.

    ``labels`` for values and classes; for ``detection`` and ``segmentation`` a layer of ``polygons`` with a
    ``column`` of classes (without it they are all of one), or those of the collection.
    ``options`` are those of the model, ``rounds`` how many of the ``folds`` are held out in turn to score it;
    the model that is kept has learned from all. ``scan``: rasters to go over whole.
    """

    task: Literal["classification", "regression", "detection", "segmentation"]
    labels: Labels | None = None
    polygons: str | None = None
    layer: str | None = None
    column: str | None = None
    crs: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    folds: int = Field(default=5, ge=2)
    rounds: int = Field(default=1, ge=1)
    block_resolution: int | None = Field(default=None, ge=0, le=15)
    scan: tuple[str, ...] = ()
    scan_options: dict[str, Any] = Field(default_factory=dict)

    @property
    def drawn(self) -> bool:
        """Whether it learns from what is drawn in pictures rather than from a label of each."""
        return self.task in ("detection", "segmentation")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.drawn == (self.labels is not None):
            wanted = "'polygons'" if self.drawn else "'labels': {column: ...}"
            msg = f"{self.task!r} learns from {wanted}"
            raise ValueError(msg)
        if not self.drawn and (self.polygons or self.scan):
            msg = f"'polygons' and 'scan' are for detection and segmentation, not for {self.task}"
            raise ValueError(msg)
        if self.rounds > self.folds:
            msg = f"'rounds: {self.rounds}' of {self.folds} folds: give {self.folds} or fewer"
            raise ValueError(msg)
        return self


class EncoderProject(ProjectFile):
    """A project of ``pretrain``, ``probe`` and ``finetune``: one encoder, its pictures, and what it is for.

    ``encoder_folder``: an encoder of an earlier project that ``probe`` and ``finetune`` take instead of the
    one that ``pretrain`` leaves in ``out``.
    """

    images: Pictures
    encoder: Network = Network()
    encoder_folder: str | None = None
    pretraining: Pretraining | None = None
    probe: Probing | None = None
    finetune: Finetuning | None = None
