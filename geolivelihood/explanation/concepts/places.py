"""Concept scores on the ground: means per cell or cluster, with intervals over sequences of photos."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from geolivelihood.cells import Tie, cell_polygons
from geolivelihood.errors import InputError, MissingColumnError

__all__ = ["concept_cells", "concept_clusters"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_CHUNK = 4_000_000  # resampled numbers held at once


def concept_cells(
    values: pd.DataFrame,
    tie: Tie,
    *,
    sequences: pd.Series | None = None,
    table: pd.DataFrame | None = None,
    n_resamples: int = 1000,
    coverage: float = 0.9,
    random_state: int = 0,
) -> gpd.GeoDataFrame:
    """Mean score of each concept in each cell, Σ T_i s_i / Σ T_i over its pictures.

    The pictures of one sequence were taken by one camera within minutes, so whole sequences are resampled for
    the interval. Where there are few, every possible resample is taken once.

    Parameters
    ----------
    values
        Scores: index ``image_id``, one column per concept (``values`` of
        :class:`~geolivelihood.explanation.concepts.ConceptScores`). NaN is left out.
    tie
        Pictures to cells (:func:`~geolivelihood.cells.image_cells`); pictures that only one of both has are
        left out.
    sequences
        Sequence of each picture, index ``image_id``; a picture without one stands alone.
    table
        ``table`` of the scores, whose ``target, q, significant`` and ``balanced_accuracy`` (as
        ``cav_accuracy``) go with every cell: insignificant concepts stay, to be greyed.
    n_resamples
        Resamples for the percentile interval; all of them where there are no more.
    coverage
        Share of the resampled means between ``lower`` and ``upper``.
    random_state
        Seed.

    Returns
    -------
    geopandas.GeoDataFrame
        Layer ``explanations_concepts``, EPSG:4326, one row per concept and cell with pictures: ``cell, name,
        value, lower, upper, n`` (pictures), ``n_eff`` ((ΣT)²/ΣT²), and the columns of ``table``. The interval
        is NaN below two sequences.

    Raises
    ------
    InputError
        If no picture has a cell, or an option is out of range.
    MissingColumnError
        If ``table`` lacks a column.
    """
    place = pd.Index(values.index).get_indexer(tie.rows)
    known = place >= 0
    if not known.any():
        msg = f"None of the {len(tie)} tied pictures has scores. Both must use the same image_id."
        raise InputError(msg)
    matched = sparse.csr_array(tie.matrix)[np.flatnonzero(known)]
    rows = values.iloc[place[known]]
    frame = _places(
        rows, matched, pd.Index(tie.cells, name="cell"), sequences, n_resamples, coverage, random_state
    )
    frame = _with_tests(frame, table)
    unique, position = np.unique(frame["cell"].to_numpy(), return_inverse=True)
    shapes = cell_polygons(unique).to_numpy()[position]
    return gpd.GeoDataFrame(frame, geometry=shapes, crs="EPSG:4326")


def concept_clusters(
    values: pd.DataFrame,
    clusters: pd.Series,
    *,
    weights: pd.Series | None = None,
    sequences: pd.Series | None = None,
    table: pd.DataFrame | None = None,
    n_resamples: int = 1000,
    coverage: float = 0.9,
    random_state: int = 0,
) -> pd.DataFrame:
    """Mean score of each concept over the pictures of each cluster.

    Parameters
    ----------
    values, sequences, table, n_resamples, coverage, random_state
        As in :func:`concept_cells`.
    clusters
        Cluster of each picture: index ``image_id`` (which may repeat, where a picture serves several
        clusters), values ``cluster_id``.
    weights
        Weight of each entry of ``clusters``, in its order; ``None`` is 1.

    Returns
    -------
    pandas.DataFrame
        ``cluster_id`` and the columns of :func:`concept_cells`, without geometry.

    Raises
    ------
    InputError
        If no picture has a cluster, weights do not fit, or an option is out of range.
    """
    place = pd.Index(values.index).get_indexer(clusters.index)
    code, names = pd.factorize(clusters, sort=True)
    used = (place >= 0) & (code >= 0)
    share = np.ones(len(code)) if weights is None else np.asarray(weights, dtype=np.float64)
    if len(share) != len(code) or not (np.isfinite(share).all() and (share >= 0).all()):
        msg = f"{len(share)} weights for {len(code)} pictures of clusters: one each, finite and not negative."
        raise InputError(msg)
    if not used.any():
        msg = f"None of {len(clusters)} pictures of clusters has scores. Both must use the same image_id."
        raise InputError(msg)
    matrix = sparse.coo_array(
        (share[used], (place[used], code[used])), shape=(len(values), len(names))
    ).tocsr()
    frame = _places(
        values, matrix, pd.Index(names, name="cluster_id"), sequences, n_resamples, coverage, random_state
    )
    return _with_tests(frame, table)


def _places(
    values: pd.DataFrame,
    weights: sparse.csr_array,
    places: pd.Index,
    sequences: pd.Series | None,
    n_resamples: int,
    coverage: float,
    random_state: int,
) -> pd.DataFrame:
    """Long table of means, one block of rows per concept."""
    if n_resamples < 1 or not 0 < coverage < 1:
        msg = f"n_resamples={n_resamples}, coverage={coverage}: at least 1, and between 0 and 1."
        raise InputError(msg)
    units = _units(values.index, sequences)
    parts = []
    for name in values.columns:  # a handful of concepts
        score = values[name].to_numpy(dtype=np.float64)
        seen = ~np.isnan(score)
        entries = sparse.coo_array(weights[np.flatnonzero(seen)])
        part = _means(
            score[seen][entries.row],
            entries.data,
            entries.col,
            units[seen][entries.row],
            n_resamples=n_resamples,
            coverage=coverage,
            random_state=random_state,
        )
        part.insert(0, places.name, places[part.pop("place")])
        part.insert(1, "name", str(name))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _units(ids: pd.Index, sequences: pd.Series | None) -> Ints:
    """What is resampled: the sequence of each picture, or the picture itself."""
    alone = np.arange(len(ids))
    if sequences is None:
        return alone
    named = sequences[~sequences.index.duplicated()].reindex(ids)
    code = pd.factorize(named)[0]
    return np.where(code >= 0, code + len(ids), alone)


def _means(
    score: Floats,
    weight: Floats,
    place: Ints,
    unit: Ints,
    *,
    n_resamples: int,
    coverage: float,
    random_state: int,
) -> pd.DataFrame:
    """Mean, interval, n and effective n of each place that has weight."""
    used = weight > 0
    score, weight, place, unit = score[used], weight[used], place[used], unit[used]
    found, at = np.unique(place, return_inverse=True)
    total = np.bincount(at, weight)
    # sums of each unit in each place; everything that is resampled follows from them
    pairs, pair = np.unique(np.stack([at, unit]), axis=1, return_inverse=True)
    pair = pair.reshape(-1)
    sums = np.bincount(pair, weight * score).astype(np.float64)
    mass = np.bincount(pair, weight).astype(np.float64)
    lower, upper = _intervals(
        sums,
        mass,
        pairs[0],
        len(found),
        n_resamples=n_resamples,
        coverage=coverage,
        random_state=random_state,
    )
    return pd.DataFrame(
        {
            "place": found,
            "value": np.bincount(at, weight * score) / total,
            "lower": lower,
            "upper": upper,
            "n": np.bincount(at),
            "n_eff": total**2 / np.bincount(at, weight**2),
        }
    )


def _intervals(
    sums: Floats,
    mass: Floats,
    place: Ints,
    places: int,
    *,
    n_resamples: int,
    coverage: float,
    random_state: int,
) -> tuple[Floats, Floats]:
    """Percentiles of resampled means; places with equally many units share their draws."""
    lower, upper = np.full(places, np.nan), np.full(places, np.nan)
    size = np.bincount(place, minlength=places)
    first = np.cumsum(size) - size
    ends = [(1 - coverage) / 2, (1 + coverage) / 2]
    for units in np.unique(size[size > 1]):
        counts = _draws(int(units), n_resamples, random_state)
        for rows in _chunks(np.flatnonzero(size == units), max(len(counts), 1)):
            entries = first[rows][:, None] + np.arange(units)
            means = (counts @ sums[entries].T) / (counts @ mass[entries].T)
            lower[rows], upper[rows] = np.quantile(means, ends, axis=0, method="inverted_cdf")
    return lower, upper


def _draws(units: int, n_resamples: int, random_state: int) -> Floats:
    """How often each resample takes each unit: all of the units**units there are, or a seeded sample."""
    if units * np.log(units) <= np.log(n_resamples) + 1e-9:
        taken = np.array(list(product(range(units), repeat=units)))
        return (taken[:, :, None] == np.arange(units)).sum(axis=1).astype(np.float64)
    random = np.random.default_rng([random_state, units])
    return random.multinomial(units, np.full(units, 1 / units), size=n_resamples).astype(np.float64)


def _chunks(rows: Ints, width: int) -> Iterator[Ints]:
    size = max(1, _CHUNK // width)
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _with_tests(frame: pd.DataFrame, table: pd.DataFrame | None) -> pd.DataFrame:
    if table is None:
        return frame
    wanted = {"target": "target", "q": "q", "significant": "significant", "balanced_accuracy": "cav_accuracy"}
    missing = [name for name in ("concept", *wanted) if name not in table]
    if missing:
        msg = f"The table of scores has no column {', '.join(missing)}."
        raise MissingColumnError(msg)
    tests: Any = table.set_index("concept")[list(wanted)].rename(columns=wanted)
    return frame.join(tests, on="name")
