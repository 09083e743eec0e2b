"""Explain a model of a project; what comes of it joins the project's result."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from geolivelihood import layers
from geolivelihood.errors import InputError
from geolivelihood.explanation.attribution import METHODS as PICTURES
from geolivelihood.explanation.graph_edges import EDGE_METHODS as LINKS
from geolivelihood.files import atomic
from geolivelihood.progress import stage as begin
from geolivelihood.recipes.assessment import Assessment
from geolivelihood.recipes.explanations.asked import read_zones
from geolivelihood.recipes.explanations.job import Job, Made
from geolivelihood.recipes.explanations.place import Place, copied, in_place
from geolivelihood.recipes.results import layer_list
from geolivelihood.recipes.run import open_project, run_id
from geolivelihood.recipes.settings import ModelChoice

__all__ = ["METHODS", "Explained", "explain_project"]

_HERE = "geolivelihood.recipes.explanations"
METHODS: dict[str, str] = {
    **dict.fromkeys(PICTURES, "maps.explain_pictures"),
    # none of a project's models has attention over its links
    **{f"links_{name}": "links.explain_links" for name in LINKS if name != "attention"},
    "concepts": "concepts.explain_concepts",
    "feature_clusters": "kinds.explain_kinds",
}
"""Ways of explaining by name, and the function of this package that does it."""
_KEY = ("method", "model", "target")


@dataclass(frozen=True)
class Explained:
    """What was explained, and where it lies.

    Attributes
    ----------
    geopackage
        The result that the layers joined.
    layers
        Rows by layer that are new.
    files
        Rasters, tables and pictures beside it.
    rejected
        Rows that were set aside.
    facts
        What each method says of itself, by its name.
    elapsed_s
        Seconds.
    """

    geopackage: Path
    layers: dict[str, int]
    files: list[Path]
    rejected: int
    facts: dict[str, dict[str, Any]]
    elapsed_s: float


def explain_project(
    path: str | os.PathLike[str],
    *,
    methods: Sequence[str] | None = None,
    model: str | None = None,
    indicator: str | None = None,
    source: str | None = None,
    ids: Sequence[str] | None = None,
    options: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | None = None,
    result: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
) -> Explained:
    """Explain a model of a project that was run.

    Parameters
    ----------
    path
        Project file (YAML).
    methods
        Of :data:`METHODS`; ``None`` takes the signed CAM, of a graph model the occlusion of links.
    model
        One of the project's models; ``None`` for the map's.
    indicator
        ``None`` for the project's first.
    source
        Source of the pictures; ``None`` for the model's first.
    ids
        Pictures, clusters or cells; ``None`` for all.
    options
        What only some methods take; see the functions of this package.
    overrides
        Settings of the project by dotted key, as the run had them.
    result
        The run's GeoPackage; ``None`` for ``<out>/<name>.gpkg``.
    out
        A new GeoPackage: a copy of the result, which explanations join in its stead. ``None`` joins the
        result itself.

    Returns
    -------
    Explained
        The layers ``explanations_*`` are in the GeoPackage, files in ``explanations`` beside it, or in
        ``<stem>.explanations`` beside ``out``. Rows of other methods, models and targets stay; those of the
        same give way.

    Raises
    ------
    InputError
        If the project was not run, or there is no such method, model, indicator, source or id.
    OutputError
        If the result is open elsewhere, or ``out`` exists; nothing was changed then.
    """
    started = time.monotonic()
    data, lineup = open_project(path, overrides=overrides)
    target = Path(result).resolve() if result else data.project.target / f"{data.project.name}.gpkg"
    earlier = _earlier(target, path)
    layers.check_target(target if out is None else Path(out), mode="update" if out is None else "new")
    choice = _named(model or data.map_model, {m.key: m for m in data.project.models}, "model")
    asked = _named(
        indicator or next(iter(lineup.indicators), None), {i: i for i in lineup.indicators}, "indicator"
    )
    ways = list(methods or [_usual(choice)])
    for way in ways:
        _named(way, METHODS, "method")
    given = _options(ways, options or {})
    if earlier.get("run_id") != run_id(Assessment(lineup)):
        warnings.warn(
            f"{target.name} was written by a run with other settings or data than the project has now; "
            "explained is the model as it would be fitted now. Run the project again for a map of it.",
            stacklevel=2,
        )
    made: dict[str, Made] = {}
    with in_place(target) if out is None else copied(target.resolve(), Path(out).resolve()) as place:
        for way in ways:
            job = Job(lineup, choice, asked, way, place.folder, source, _unique(ids), given)
            made[way] = _maker(way)(job)
            _join(place, job, made[way])
    return Explained(
        geopackage=place.result,
        layers=_counts(made.values()),
        files=list(dict.fromkeys(place.final(file) for one in made.values() for file in one.files)),
        rejected=sum(len(one.rejected) for one in made.values()),
        facts={way: dict(one.facts) for way, one in made.items()},
        elapsed_s=time.monotonic() - started,
    )


def _earlier(target: Path, path: str | os.PathLike[str]) -> dict[str, Any]:
    if not target.exists():
        msg = (
            f"There is no result {target} to join. First run the project: geolivelihood run {os.fspath(path)}"
        )
        raise InputError(msg)
    return layers.read_provenance(target)


def _usual(choice: ModelChoice) -> str:
    return "links_occlusion" if choice.name == "graph" else "signed_cam"


def _options(ways: Sequence[str], options: Mapping[str, Any]) -> dict[str, Any]:
    """Options that the methods know; polygons that are named by their file are read."""
    modules = [import_module(f"{_HERE}.{METHODS[way].partition('.')[0]}") for way in ways]
    known = list(dict.fromkeys(name for module in modules for name in module.OPTIONS))
    given = [name for name, value in options.items() if value is not None and value is not False]
    unknown = [name for name in given if name not in known]
    if unknown:
        msg = f"{', '.join(ways)} takes no option {unknown[0]!r}; there are: {', '.join(known) or 'none'}."
        raise InputError(msg)
    zones = options.get("zones")
    return dict(options) | ({"zones": read_zones(zones)} if isinstance(zones, str | os.PathLike) else {})


def _maker(way: str) -> Callable[[Job], Made]:
    module, _, name = METHODS[way].partition(".")
    found: Callable[[Job], Made] = getattr(import_module(f"{_HERE}.{module}"), name)
    return found


def _named(name: str | None, known: Mapping[str, Any], what: str) -> Any:
    if name is None or name not in known:
        msg = f"There is no {what} {name!r}; there are: {', '.join(known) or 'none'}."
        raise InputError(msg)
    return known[name]


def _unique(ids: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if ids is None else tuple(dict.fromkeys(ids))


def _counts(made: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in made:
        for name, frame in one.layers.items():
            counts[name] = counts.get(name, 0) + len(frame)
    return counts


# -- joining the result ---------------------------------------------------------------------------------


def _join(place: Place, job: Job, made: Made) -> None:
    """Write the layers into the result, and what they are into its provenance; the rest stays as it is."""
    begin("writing results")
    target = place.geopackage
    there = layers.layer_names(target)
    joined: dict[str, pd.DataFrame] = {
        name: _joined(gpd.read_file(target, layer=name), frame) if name in there else frame
        for name, frame in _with_paths(place, made).items()
    }
    rejected = _rejected(target, made, there)
    if len(rejected):
        joined["rejected"] = rejected
        with atomic(job.folder / "rejected.csv") as part:
            made.rejected.to_csv(part, index=False)
    layers.write_geopackage(
        target,
        joined,
        indicators=job.lineup.indicators,
        labels=job.data.project.output.labels,
        provenance=_provenance(place, job, made),
        mode="update",
    )


def _with_paths(place: Place, made: Made) -> dict[str, gpd.GeoDataFrame]:
    """Layers whose rasters are named from the folder of the GeoPackage."""
    found = dict(made.layers)
    rasters = found.get("explanations_rasters")
    if rasters is not None:
        found["explanations_rasters"] = rasters.assign(path=f"{place.name}/" + rasters["path"])
    return found


def _joined(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Rows of earlier explanations, without those that the new ones replace, and the new ones.

    Replaced are rows of the same method, model, target and source; rows of another kind of geometry, which
    no layer can hold beside them; and pictures of which there was nothing but their view.
    """
    kept = old[old.geom_type.str.removeprefix("Multi").isin(new.geom_type.str.removeprefix("Multi"))]
    by = [name for name in (*_KEY, "source") if name in kept and name in new]
    if by:
        said = pd.MultiIndex.from_frame(kept[by].fillna("").astype(str))
        kept = kept[~said.isin(pd.MultiIndex.from_frame(new[by].drop_duplicates().astype(str)))]
    if "image_id" in kept and "image_id" in new:
        plain = kept["method"].isna() if "method" in kept else True
        kept = kept[~(plain & kept["image_id"].isin(new["image_id"]))]
    if kept.empty:
        return new
    return gpd.GeoDataFrame(pd.concat([kept, new.to_crs(kept.crs)], ignore_index=True), crs=kept.crs)


def _rejected(target: Path, made: Made, there: Sequence[str]) -> pd.DataFrame:
    """All that was set aside: by the run, by earlier explanations of other stages, and by this one."""
    if made.rejected.empty:
        return made.rejected
    new = made.rejected.astype(str)
    if "rejected" not in there:
        return new
    old = pd.DataFrame(gpd.read_file(target, layer="rejected"))
    return pd.concat([old[~old["stage"].isin(new["stage"])], new], ignore_index=True)


def _provenance(place: Place, job: Job, made: Made) -> dict[str, Any]:
    """The document of the run, with what was explained since."""
    document = layers.read_provenance(place.geopackage)
    for name in ("previous", "schema"):
        document.pop(name, None)
    entry = {
        "command": f"geolivelihood explain {job.data.project.file.name} --method {job.method}",
        "method": job.method,
        "model": job.choice.key,
        "target": _target(job, made),
        "source": made.facts.get("source", job.source),
        "ids": None if job.ids is None else list(job.ids),
        "options": {
            name: value for name, value in job.options.items() if isinstance(value, str | int | float)
        },
        "layers": list(made.layers),
        "files": [place.path(file) for file in made.files],
        "facts": dict(made.facts),
        "rejected": len(made.rejected),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    same = (*_KEY, "source")
    said = [
        old for old in document.get("explanations", []) if any(old.get(key) != entry[key] for key in same)
    ]
    names = [*made.layers, *(layer["name"] for layer in document.get("layers", []))]
    return document | {
        "explanations": [*said, entry],
        "layers": layer_list(list(dict.fromkeys(names))),
        "time": entry["time"],
    }


def _target(job: Job, made: Made) -> str:
    """What was explained: the indicator, or nothing, as with kinds of pictures."""
    said = {str(name) for frame in made.layers.values() for name in frame["target"].unique()}
    return said.pop() if len(said) == 1 else job.indicator
