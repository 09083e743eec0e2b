"""The sections of a project file, each with the keys that it knows and what they may hold."""

from __future__ import annotations

from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = [
    "FILE_MODELS",
    "PICTURE_MODELS",
    "CellGrid",
    "Chips",
    "Clusters",
    "DhsFiles",
    "Displacement",
    "EncoderChoice",
    "ImageSource",
    "ModelChoice",
    "Output",
    "Regions",
    "Section",
    "SmallAreas",
    "Uncertainty",
    "Validation",
]

PICTURE_MODELS = frozenset({"ridge", "boosting", "graph", "image", "crossfitted", "cell"})
FILE_MODELS = frozenset({"image", "crossfitted"})  # which see the picture files themselves
JOINT_MODELS = frozenset({"ridge", "boosting", "graph", "cell"})
ModelName = Literal["mean", "knn", "idw", "gp", "ridge", "boosting", "graph", "image", "crossfitted", "cell"]
SplitName = Literal["random", "blocked", "region", "knndm"]
Format = Literal["gpkg", "geojson", "geoparquet"]
Source = Literal["table", "photos", "geotiffs", "tiles", "chips", "detections_of"]


class Section(BaseModel):
    """A part of the project file; keys that it does not know are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DhsFiles(Section):
    """A DHS geographic file and the recode file that is joined to it."""

    gps: str
    recode: str
    recode_type: Literal["HR", "PR", "IR", "KR", "BR", "MR"] = "HR"
    indicators: dict[str, Any] = Field(min_length=1)
    stratum: str | None = None


class Clusters(Section):
    """Survey clusters: a file of points with indicators, or the files of a DHS survey."""

    path: str | None = None
    layer: str | None = None
    dhs: DhsFiles | None = None
    indicators: list[str] = []
    columns: dict[str, str] | str = {}
    numbered: bool = False
    repeated: bool = False
    where: dict[str, Any] = {}
    crs: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.path is None) == (self.dhs is None):
            msg = "give either 'path' (a file of clusters) or 'dhs' (gps and recode files)"
            raise ValueError(msg)
        if self.path is not None and not self.indicators:
            msg = "give 'indicators', the columns to predict"
            raise ValueError(msg)
        if self.dhs is not None:
            unknown = sorted(set(self.indicators) - set(self.dhs.indicators))
            if unknown:
                msg = f"the indicator {unknown[0]!r} is not among those of 'dhs'"
                raise ValueError(msg)
            if self.columns or self.where or self.crs or self.repeated or self.layer or self.numbered:
                msg = (
                    "'layer', 'columns', 'numbered', 'where', 'crs' and 'repeated' are for 'path', not for "
                    "'dhs'"
                )
                raise ValueError(msg)
        return self

    @property
    def targets(self) -> list[str]:
        """Names of the indicators that are predicted."""
        return self.indicators or list(self.dhs.indicators if self.dhs else {})


class Displacement(Section):
    """How the published points were moved from the true sites (metres), and the border they never cross."""

    urban_m: float = Field(default=2000.0, gt=0)
    rural_m: float = Field(default=5000.0, gt=0)
    rural_far_m: float = Field(default=10000.0, gt=0)
    rural_far_share: float = Field(default=0.01, ge=0, le=1)
    boundary: str | None = None


class Chips(Section):
    """Windows cut from rasters around the clusters and around the centres of the cells."""

    raster: str | list[str]
    size_px: int | None = Field(default=None, ge=1)
    size_m: float | None = Field(default=None, gt=0)
    grid: int = Field(default=1, ge=1, le=9)
    bands: list[int | str] | None = None
    crs: str | None = None

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if (self.size_px is None) == (self.size_m is None):
            msg = "give either 'size_px' (pixels) or 'size_m' (metres on the ground)"
            raise ValueError(msg)
        return self


class EncoderChoice(Section):
    """What turns a picture into a vector, where only its name is given the name alone.

    ``summary``, ``rcf``, the name of a torchvision backbone, or the folder of a pretrained encoder.
    """

    name: str
    weights: str | None = None
    size: int | None = Field(default=None, ge=8)
    options: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, given: Any) -> Any:
        return {"name": given} if isinstance(given, str) else given


class ImageSource(Section):
    """One source of pictures, encoded by its own encoder."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    table: str | None = None
    layer: str | None = None
    photos: str | None = None
    geotiffs: str | list[str] | None = None
    tiles: str | None = None
    chips: Chips | None = None
    detections_of: str | None = None
    kind: Literal["street", "overhead"] | None = None
    columns: dict[str, str] | str = {}
    numbered: bool = False
    where: dict[str, Any] = {}
    crs: str | None = None
    root: str | None = None
    files: str | None = None
    scheme: Literal["z-x-y", "x-y-z", "z/x/y"] = "z-x-y"
    encoder: EncoderChoice | None = None
    counts: str | None = None
    views: bool = True
    licence: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [name for name in get_args(Source) if getattr(self, name) is not None]
        if len(given) != 1:
            msg = f"give exactly one of {', '.join(get_args(Source))}; given: {', '.join(given) or 'none'}"
            raise ValueError(msg)
        if self.detections_of is not None and self.encoder is not None:
            msg = "object counts have no encoder; leave 'encoder' out"
            raise ValueError(msg)
        return self

    @property
    def origin(self) -> Source:
        """Which of the ways to name pictures was used."""
        return next(name for name in get_args(Source) if getattr(self, name) is not None)


class CellGrid(Section):
    """The H3 cells of the map: those that cover the regions, or those that the data touch and k rings."""

    resolution: int = Field(ge=0, le=15)
    extent: Literal["regions", "data"] = "data"
    rings: int = Field(default=1, ge=0, le=20)


class Regions(Section):
    """Polygons that the map is summed up to."""

    path: str
    layer: str | None = None
    name: str
    id: str | None = None
    where: dict[str, Any] = {}
    crs: str | None = None
    population: str | None = None


class ModelChoice(Section):
    """A model by name, the sources that it sees (default: all that fit) and its hyper-parameters."""

    name: ModelName
    label: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_ .-]*$")
    sources: list[str] | None = Field(default=None, min_length=1)
    joint: bool = False
    options: dict[str, Any] = {}

    @model_validator(mode="after")
    def _can_be_joint(self) -> Self:
        if self.joint and self.name not in JOINT_MODELS:
            msg = f"'joint' (all indicators in one fit) is for {', '.join(sorted(JOINT_MODELS))}"
            raise ValueError(msg)
        return self

    @property
    def key(self) -> str:
        """Name of the model in tables and file names."""
        return self.label or self.name


class Validation(Section):
    """How the models are scored: under which splits, side by side.

    ``random``: another place among the surveyed; ``blocked``: a district where nobody surveyed; ``region``:
    regions (countries) left out whole, each once, where there are more than twice ``folds`` some of them
    together; ``knndm``: folds as far from training as the map's cells are. Without ``splits``: random and
    blocked, and region where at least three regions have clusters.

    ``buffer_m``: no training place of the blocked split lies nearer to one that is tested. ``auto``: as far
    as the map's errors under random folds resemble each other, or as overhead windows overlap if that is
    more, and both displacements. ``possible``: the same, but never so far that a fold loses more than half of
    its training places; where that cuts it short, a remark says so.
    """

    folds: int = Field(default=5, ge=2)
    splits: list[SplitName] | None = Field(default=None, min_length=1)
    regions: Literal["auto", "country", "regions"] = "auto"
    block_resolution: int | None = Field(default=None, ge=0, le=15)
    buffer_m: float | Literal["auto", "possible"] = "auto"
    bootstrap: int = Field(default=2000, ge=100)

    @field_validator("buffer_m")
    @classmethod
    def _not_negative(cls, value: float | str) -> float | str:
        if isinstance(value, float) and value < 0:
            msg = "a buffer is a distance in metres, 0 or more, 'auto' or 'possible'"
            raise ValueError(msg)
        return value

    @field_validator("splits")
    @classmethod
    def _once_and_blocked(cls, value: list[str] | None) -> list[str] | None:
        if value is not None and len(set(value)) < len(value):
            msg = "a split stands twice"
            raise ValueError(msg)
        if value is not None and "blocked" not in value:
            msg = "'blocked' cannot be left out: intervals and area of applicability are measured on it"
            raise ValueError(msg)
        return value


class Uncertainty(Section):
    """Intervals of the map: their coverage, what makes them wide, and how many refits tell the model's share.

    ``groups``: quantiles of their own for dense and sparse places (300 people per km²), where the population
    is known and each has blocks enough (``auto``). ``range``: lowest and highest value that an indicator can
    have.
    """

    coverage: float = Field(default=0.9, gt=0.5, lt=1)
    score: Literal["absolute", "normalised"] = "absolute"
    groups: Literal["auto", "none", "density"] = "auto"
    draws: int = Field(default=20, ge=0)
    range: dict[str, tuple[float | None, float | None]] = {}

    @field_validator("draws")
    @classmethod
    def _several_or_none(cls, value: int) -> int:
        if value == 1:
            msg = "one refit tells nothing of their spread; give 0 (none), or 2 and more"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _normalised_needs_draws(self) -> Self:
        if self.score == "normalised" and not self.draws:
            msg = "'score: normalised' is made of refits; give 'draws'"
            raise ValueError(msg)
        return self

    @property
    def alpha(self) -> float:
        """Miscoverage."""
        return round(1 - self.coverage, 9)


class SmallAreas(Section):
    """What regions are told besides the map's mean: survey and model combined (Fay & Herriot)."""

    fay_herriot: bool = True


class Output(Section):
    """What is written."""

    formats: list[Format] = ["gpkg"]
    map: bool = True
    report: bool = True
    edges: bool = True
    clusters: bool = True
    title: str | None = None
    labels: dict[str, str] = {}
