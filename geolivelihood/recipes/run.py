"""Run a project from its file to its results."""

from __future__ import annotations

import logging
import os
import platform
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd

from geolivelihood import __version__, layers, validation
from geolivelihood.errors import EnvironmentMissingError
from geolivelihood.files import atomic, content_hash
from geolivelihood.progress import stage as begin
from geolivelihood.recipes.assessment import Assessment
from geolivelihood.recipes.builders import build_estimator
from geolivelihood.recipes.explained_section import explained_sections
from geolivelihood.recipes.lineup import LineUp
from geolivelihood.recipes.livelihood import Livelihood
from geolivelihood.recipes.project import Project, read_project
from geolivelihood.recipes.report import write_report
from geolivelihood.recipes.results import build_layers, layer_list, set_aside
from geolivelihood.recipes.workspace import Stage

__all__ = ["RunResult", "open_project", "plan_project", "run_id", "run_project"]

logger = logging.getLogger(__name__)

_LIBRARIES = ("geopandas", "h3", "numpy", "pandas", "pyproj", "rasterio", "scikit-learn", "shapely", "torch")


@dataclass(frozen=True)
class RunResult:
    """Where the results of a run lie, and what they hold."""

    geopackage: Path
    map: Path | None
    scores: Path | None
    table: pd.DataFrame | None = field(repr=False)
    report: Path | None
    coverage: pd.DataFrame | None = field(repr=False)
    applicable: dict[str, float]
    remarks: list[str] = field(repr=False)
    layers: list[dict[str, Any]] = field(repr=False)
    rejected: int
    rejected_file: Path
    elapsed_s: float


def open_project(
    path: str | os.PathLike[str], *, overrides: Mapping[str, Any] | None = None, planning: bool = False
) -> tuple[Livelihood, LineUp]:
    """Read a project and give its data and its line-up of models; nothing is computed yet.

    Every model and encoder is built once, and every file looked for, so that a wrong option or path ends
    the run at its beginning and not hours later.
    """
    data = Livelihood(read_project(path, overrides=overrides), planning=planning)
    for model in data.project.models:
        build_estimator(model, seed=data.project.seed)
    for name in data.used:
        if data.source(name).encoder:
            data.build_encoder(name)
    data.check_paths()
    return data, LineUp(data)


def plan_project(
    path: str | os.PathLike[str], *, overrides: Mapping[str, Any] | None = None
) -> list[tuple[Stage, bool]]:
    """Stages that a run would go through, and whether each is kept from an earlier run."""
    data, lineup = open_project(path, overrides=overrides, planning=True)
    stages = [*data.stages(), *lineup.stages(), *Assessment(lineup).stages()]
    return [(stage, data.space.done(stage)) for stage in stages]


def run_project(
    path: str | os.PathLike[str],
    *,
    overrides: Mapping[str, Any] | None = None,
    out: str | os.PathLike[str] | None = None,
) -> RunResult:
    """Run a project: read, index, embed, score, map, write.

    Parameters
    ----------
    path
        Project file (YAML).
    overrides
        Settings by dotted key that take the place of the file's.
    out
        GeoPackage to write; it must not exist yet. Default: ``<out>/<name>.gpkg`` of the project, which
        an earlier result of the same project gives way to. ``scores.csv``, ``map.png``, ``rejected.csv`` and
        the copies in other formats lie beside it; those of a named file begin with its name.

    Raises
    ------
    ProjectError
        If the project has faults; the message lists them all.
    InputError
        If its data cannot be used.
    OutputError
        If the target cannot be written.
    """
    started = time.monotonic()
    data, lineup = open_project(path, overrides=overrides)
    project = data.project
    target = Path(out).resolve() if out is not None else project.target / f"{project.name}.gpkg"
    mode: Literal["new", "update"] = "new" if out is not None else "update"
    layers.check_target(target, mode=mode)  # before the work, not after it
    scores = lineup.scores() if project.models else None
    assessment = Assessment(lineup)
    begin("building layers")
    made = build_layers(data, assessment)
    earlier = layers.read_provenance(target) if target.exists() else {}
    explained = _explanations(earlier, assessment)
    kept = {name for one in explained for name in one["layers"]}
    made = {name: frame for name, frame in made.items() if name not in kept}
    stale = _stale(earlier, [*made, *kept])
    begin("writing results")
    listed = layer_list([*sorted(kept), *made])
    provenance = _provenance(assessment, scores, listed) | {"explanations": explained}
    layers.write_geopackage(
        target,
        made,
        indicators=lineup.indicators
        if project.models
        else [str(name) for name in made["cells"].columns[:-1]],
        labels=project.output.labels,
        provenance=provenance,
        mode=mode,
        drop=stale,
    )
    beside = _Beside(target, prefix=f"{target.stem}." if out is not None else "")
    written = _write_tables(beside, assessment, scores)
    _write_copies(project, beside, made, stale)
    picture = _draw(project, lineup, beside, made, scores)
    report = _report(beside, assessment, made, scores, provenance, picture)
    return RunResult(
        geopackage=target,
        map=picture,
        scores=written,
        table=scores,
        report=report,
        coverage=assessment.coverage if scores is not None else None,
        applicable=assessment.applicable.shares(),
        remarks=assessment.remarks,
        layers=listed,
        rejected=len(made.get("rejected", ())),
        rejected_file=beside.path("rejected.csv"),
        elapsed_s=time.monotonic() - started,
    )


def _stale(earlier: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Layers that an earlier run wrote and this one no longer has; those that the user added are not ours."""
    return [layer["name"] for layer in earlier.get("layers", []) if layer["name"] not in names]


def _explanations(earlier: Mapping[str, Any], assessment: Assessment) -> list[dict[str, Any]]:
    """What was explained of the earlier result, if it is the same as this one; else it says nothing now."""
    return list(earlier.get("explanations", [])) if earlier.get("run_id") == run_id(assessment) else []


class _Beside(NamedTuple):
    """Names of the files beside a GeoPackage; those of a file named by the user carry its name."""

    target: Path
    prefix: str

    def path(self, name: str) -> Path:
        return self.target.parent / f"{self.prefix}{name}"


def _write_tables(beside: _Beside, assessment: Assessment, scores: pd.DataFrame | None) -> Path | None:
    """``rejected.csv`` and, with models, the tables of scores, coverage, groups, checks and importance."""
    made = {"rejected": set_aside(assessment.lineup.data, assessment.lineup)}
    if scores is not None:
        made |= {"scores": scores, "groups": assessment.groups, "checks": assessment.checks}
        perhaps = {"coverage": assessment.coverage, "importance": assessment.explained.importance}
        made |= {name: table for name, table in perhaps.items() if len(table)}
    for name in {"coverage": None, "importance": None, **made}:
        if name not in made:  # an earlier run's would be read as this one's
            beside.path(f"{name}.csv").unlink(missing_ok=True)
            continue
        with atomic(beside.path(f"{name}.csv")) as part:
            made[name].to_csv(part, index=False, float_format="%.6g")
    return beside.path("scores.csv") if scores is not None else None


def _write_copies(project: Project, beside: _Beside, made: Mapping[str, Any], stale: Sequence[str]) -> None:
    writers = {
        "geojson": (layers.write_geojson, "geojson"),
        "geoparquet": (layers.write_geoparquet, "parquet"),
    }
    for kind, (write, suffix) in writers.items():
        for name in stale:
            (beside.path(suffix) / f"{name}.{suffix}").unlink(missing_ok=True)
        if kind in project.output.formats:
            for name, frame in made.items():
                if "geometry" in frame:
                    write(beside.path(suffix) / f"{name}.{suffix}", frame)


def _draw(
    project: Project, lineup: LineUp, beside: _Beside, made: Mapping[str, Any], scores: pd.DataFrame | None
) -> Path | None:
    if not project.output.map or not project.models:
        return None
    begin("drawing the map")
    return layers.draw_map(
        beside.path("map.png"),
        made["cells"],
        lineup.indicators[0],
        regions=made.get("regions"),
        clusters=made.get("clusters"),
        title=project.output.title or project.name,
        labels=project.output.labels,
        caption=_caption(lineup, scores),
    )


def _caption(lineup: LineUp, scores: pd.DataFrame | None) -> str:
    if scores is None:
        return ""
    indicator, model = lineup.indicators[0], lineup.map_choice.key
    wanted = scores["indicator"].eq(indicator) & scores["model"].eq(model) & scores["metric"].eq("r2")
    rows = scores[wanted].set_index("split")
    said = [
        f"{split} {row.value:z.2f} [{row.lower:z.2f}, {row.upper:z.2f}]" for split, row in rows.iterrows()
    ]
    return f"Model: {model}. R² out of fold: {', '.join(said)} ({int(rows['n'].iloc[0])} clusters)."


def _report(
    beside: _Beside,
    assessment: Assessment,
    made: Mapping[str, Any],
    scores: pd.DataFrame | None,
    provenance: Mapping[str, Any],
    picture: Path | None,
) -> Path | None:
    if not assessment.lineup.project.output.report or scores is None:
        return None
    begin("writing the report")
    try:
        return write_report(
            beside.path("report.html"),
            assessment,
            made,
            scores,
            provenance=provenance,
            picture=picture,
            explanations=explained_sections(assessment.explained),
        )
    except EnvironmentMissingError as error:
        warnings.warn(f"No report: {error}", stacklevel=3)
        return None


def _provenance(
    assessment: Assessment, scores: pd.DataFrame | None, listed: list[dict[str, Any]]
) -> dict[str, Any]:
    project = assessment.lineup.project
    tables = {} if scores is None else {"coverage": assessment.coverage, "checks": assessment.checks}
    return {
        "run_id": run_id(assessment),
        "command": f"geolivelihood run {project.file.name}",
        "configuration": project.model_dump(mode="json"),
        "versions": {"geolivelihood": __version__, "python": platform.python_version()}
        | {name: version(name) for name in _LIBRARIES},
        "seed": project.seed,
        "stages": _stage_keys(assessment),
        "layers": listed,
        "scores": [] if scores is None else validation.records(scores),
        **{name: validation.records(table) for name, table in tables.items()},
        "applicable": assessment.applicable.shares(),
        "remarks": assessment.remarks,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def run_id(assessment: Assessment) -> str:
    """What tells runs apart: the hash of everything that their stages depend on."""
    return content_hash(_stage_keys(assessment))[:12]


def _stage_keys(assessment: Assessment) -> dict[str, str]:
    lineup = assessment.lineup
    stages = [*lineup.data.stages(), *lineup.stages(), *assessment.stages()]
    return {stage.name: stage.key for stage in stages}
