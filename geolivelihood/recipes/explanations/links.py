"""Links between places that a prediction rests on, as layers of lines and points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import geopandas as gpd
import numpy as np
import pandas as pd

from geolivelihood.errors import InputError
from geolivelihood.explanation import edge_fidelity
from geolivelihood.explanation.graph_edges import EDGE_METHODS, GraphExplanation
from geolivelihood.files import atomic
from geolivelihood.progress import stage as begin
from geolivelihood.progress import track
from geolivelihood.recipes.explanations.job import REJECTED, Job, Made
from geolivelihood.recipes.explanations.linked_cells import CellLinks
from geolivelihood.recipes.explanations.linked_photos import PhotoLinks
from geolivelihood.recipes.workspace import Stage

__all__ = ["OPTIONS", "explain_links"]

OPTIONS: tuple[str, ...] = ()
"""What may be chosen."""

_METHODS = {"graph": EDGE_METHODS[:4], "cell": EDGE_METHODS[:1]}
"""Models with links, and the ways in which these can be scored."""
_CHUNK = 16
_SAMPLE, _SHARE, _FEWEST = 30, 0.25, 4
"""Of the test of fidelity: predictions at most, the share of their links that is named, links at least."""
_COLUMNS = {
    "explanations_edges": ["kind", "start", "end", "distance_m", "weight", "target_node"],
    "explanations_nodes": ["kind", "node", "features", "self_loop"],
}
_SCORES = ["importance", "score", "sign", "rank", "stability", "flag"]
_PHOTOS = ["pooling_mass", "gradient_input", "occlusion"]


class _Links(Protocol):
    """The links of one model.

    Attributes
    ----------
    names
        Predictions to be explained: names of clusters or cells.
    cells
        Which of them are cells.
    said
        Which they are, in words.
    """

    names: list[str]
    cells: list[bool]
    said: str

    def reason(self, at: int) -> str:
        """Why a prediction cannot be explained; empty where it can."""

    def graph(self, at: int) -> tuple[Any, list[str] | None]:
        """Graph that a prediction is made from, and the node that is predicted; ``None`` for the whole."""

    def explained(self, at: int, method: str) -> GraphExplanation:
        """Links and nodes of a prediction, as of :func:`~geolivelihood.explanation.edge_importance`."""

    def named(self, at: int, found: GraphExplanation) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
        """Lines from ``start`` to ``end`` and points ``node``, by their own names, and their ``kind``."""


def explain_links(job: Job) -> Made:
    """Links that the predictions of a graph model or a cell model rest on.

    A graph model predicts a place from a graph of its pictures: explained are the graphs of clusters, or of
    the clusters, cells and pictures that are asked for. A cell model predicts a cell from its own pictures
    and its neighbours': explained are the cells that the clusters most likely lie in, or those that are asked
    for. Each prediction has rows of its own, so that a link between two explained cells has two.

    Parameters
    ----------
    job
        ``method`` is ``links_`` and one of :data:`~geolivelihood.explanation.graph_edges.EDGE_METHODS`.

    Returns
    -------
    Made
        Layers, EPSG:4326:

        ``explanations_edges``
            A line per link: ``method``, ``model``, ``target`` (the indicator), ``cluster_id`` or ``cell``
            whose prediction is explained, the other empty; ``kind`` (what is at the start: a source of
            pictures, or ``cell``), ``start`` and ``end`` (picture or cell), which
            :func:`~geolivelihood.explanation.edge_importance` calls ``source`` and ``target``; the rest as
            there: ``distance_m, weight, target_node, importance, score, sign, rank, stability, flag``.
        ``explanations_nodes``
            A point per picture or cell: ``method, model, target, cluster_id, cell, kind, node, features,
            self_loop, importance, score, sign`` and, of a graph model, ``pooling_mass, gradient_input,
            occlusion`` of :func:`~geolivelihood.explanation.photo_attribution`.

        Facts: ``explained`` (which predictions), ``predictions``, ``links``; ``fidelity_plus`` (mean absolute
        change of the prediction without the most important quarter of the links, in the unit of the
        indicator), ``fidelity_chance`` (without as many drawn at random), ``fidelity_minus`` (with these
        links alone), ``fidelity_predictions`` (how many that was measured on); of ``gnn_explainer``,
        ``stability`` and ``unstable``: mean rank correlation of its seeds, and predictions with less than
        0.7.

    Raises
    ------
    InputError
        If the model has no links or the method does not suit it, an id is unknown, or nothing is left.
    """
    method = _method(job)
    begin(f"explaining the links of {job.choice.key}")
    links: _Links = PhotoLinks(job) if job.choice.name == "graph" else CellLinks(job)
    folder = job.data.space.make(
        _stage(job, links), lambda folder: _explain(job, links, method, folder), resumable=True
    )
    chunks = sorted(part for part in folder.iterdir() if part.is_dir())
    told = pd.concat([pd.read_parquet(chunk / "told.parquet") for chunk in chunks], ignore_index=True)
    made = told[told["reason"].eq("")]
    if made.empty:
        some = "; ".join(told["reason"].drop_duplicates().head(3))
        msg = f"None of the {len(told)} predictions has links to explain: {some}. Ask for others by --ids."
        raise InputError(msg)
    layers = {name: _layer(job, name, [chunk / f"{name}.parquet" for chunk in chunks]) for name in _COLUMNS}
    return Made(layers, rejected=_rejected(job, told), facts=_facts(links, made, method))


def _method(job: Job) -> str:
    """The way of scoring links, if the model has such."""
    method, way = job.method.removeprefix("links_"), job.choice.name
    if way not in _METHODS:
        having = [model.key for model in job.lineup.project.models if model.name in _METHODS]
        advice = f"Explain {' or '.join(having)}" if having else "Add a model 'graph' to the project"
        msg = f"The model {job.choice.key!r} has no links between places. {advice}."
        raise InputError(msg)
    if method not in _METHODS[way]:
        can = ", ".join(f"links_{name}" for name in _METHODS[way])
        msg = f"The links of the model {job.choice.key!r} cannot be scored by {job.method!r}; take {can}."
        if method == "attention" and way == "graph":
            msg += " What it attends to are photos: see 'pooling_mass' of explanations_nodes."
        raise InputError(msg)
    sees = job.data.seen_by(job.choice)
    if job.source is not None and job.source not in sees:
        msg = f"The model {job.choice.key!r} does not see {job.source!r}; it sees {', '.join(sees)}."
        raise InputError(msg)
    return method


def _stage(job: Job, links: _Links) -> Stage:
    name = f"{job.method}-{job.choice.key}"
    return job.lineup.fit_stage(name, job.choice, job.indicator, job.indicator, links.names, links.cells)


# -- one prediction after another ------------------------------------------------------------------------


class _Told(NamedTuple):
    """What is kept of a prediction beside its rows."""

    place: str
    reason: str = ""
    links: int = 0
    stability: float = math.nan
    plus: float = math.nan
    minus: float = math.nan
    chance: float = math.nan


def _explain(job: Job, links: _Links, method: str, folder: Path) -> None:
    """Explain a chunk of predictions after another; chunks that are there stay."""
    count, seed = len(links.names), job.lineup.project.seed
    tested = set(np.random.default_rng(seed).permutation(count)[:_SAMPLE].tolist())
    starts = range(0, count, _CHUNK)
    for start in track(starts, f"explaining the links of {job.choice.key}"):
        target = folder / f"{start:08d}"
        if target.exists():
            continue
        some = range(start, min(start + _CHUNK, count))
        found = [_one(job, links, at, method, tested=at in tested) for at in some]
        with atomic(target) as part:
            part.mkdir()
            pd.DataFrame([told for told, _ in found]).to_parquet(part / "told.parquet")
            for name, frames in zip(_COLUMNS, zip(*(frames for _, frames in found if frames))):
                _together(frames).to_parquet(part / f"{name}.parquet")


def _one(
    job: Job, links: _Links, at: int, method: str, *, tested: bool
) -> tuple[_Told, tuple[gpd.GeoDataFrame, gpd.GeoDataFrame] | None]:
    """Rows of a prediction, or why there are none."""
    name = links.names[at]
    reason = links.reason(at)
    if reason:
        return _Told(name, reason), None
    found = links.explained(at, method)
    if found.edges.empty:
        return _Told(name, "no link without which there still is a prediction"), None
    whose = {"cluster_id": "" if links.cells[at] else name, "cell": name if links.cells[at] else ""}
    lines, points = (frame.assign(**whose) for frame in links.named(at, found))
    stability = float(found.edges["stability"].iloc[0])
    fidelity = _fidelity(job, links, at, found.edges) if tested and len(found.edges) >= _FEWEST else ()
    return _Told(name, "", len(lines), stability, *fidelity), (lines, points)


def _fidelity(job: Job, links: _Links, at: int, edges: gpd.GeoDataFrame) -> tuple[float, float, float]:
    """How the prediction changes without its first links, with them alone, and without others by chance."""
    graph, node = links.graph(at)
    count = math.ceil(_SHARE * len(edges))
    drawn = edges.sample(count, random_state=job.lineup.project.seed)
    named, chance = (
        edge_fidelity(job.fitted, graph, some, targets=node, output=job.output)
        for some in (edges.head(count), drawn)
    )
    return named.plus, named.minus, chance.plus


# -- together --------------------------------------------------------------------------------------------


def _together(frames: Sequence[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(pd.concat(list(frames), ignore_index=True), crs="EPSG:4326")


def _layer(job: Job, name: str, files: Sequence[Path]) -> gpd.GeoDataFrame:
    """The rows of all chunks that have any, columns in order."""
    asked = {"method": job.method, "model": job.choice.key, "target": job.indicator}
    rows = _together([gpd.read_parquet(file) for file in files if file.exists()]).assign(**asked)
    order = [*asked, "cluster_id", "cell", *_COLUMNS[name], *_SCORES, *_PHOTOS, "geometry"]
    return rows[[column for column in order if column in rows]]


def _rejected(job: Job, told: pd.DataFrame) -> pd.DataFrame:
    out = told[told["reason"].ne("")]
    stage = f"{job.method} {job.choice.key} {job.indicator}"
    rows = {"stage": stage, "row": out["place"], "column": "", "reason": out["reason"]}
    return pd.DataFrame(rows, columns=list(REJECTED)).reset_index(drop=True)


def _facts(links: _Links, told: pd.DataFrame, method: str) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "explained": links.said,
        "predictions": len(told),
        "links": int(told["links"].sum()),
    }
    tested = told[told["plus"].notna()]
    if len(tested):
        facts |= {
            "fidelity_plus": float(tested["plus"].mean()),
            "fidelity_chance": float(tested["chance"].mean()),
            "fidelity_minus": float(tested["minus"].mean()),
            "fidelity_predictions": len(tested),
        }
    if method == "gnn_explainer":
        facts |= {
            "stability": float(told["stability"].mean()),
            "unstable": int(told["stability"].lt(0.7).sum()),
        }
    return facts
