"""Kinds of pictures: what a project's encoder sees alike, where it lies, and what is different there.

No prediction is explained here, so ``target`` stays empty. The number of kinds is a choice: the curve shows
what other numbers would have meant, and the contact sheet what the kinds look like.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geolivelihood import explanation
from geolivelihood.errors import InputError
from geolivelihood.explanation.contact_sheet import Blank
from geolivelihood.layers.palettes import KINDS
from geolivelihood.progress import stage as begin
from geolivelihood.recipes.explanations.covariates import picture_covariates, write_covariates
from geolivelihood.recipes.explanations.job import REJECTED, Job, Made
from geolivelihood.recipes.explanations.pictures import chosen_images

__all__ = ["OPTIONS", "explain_kinds"]

OPTIONS = ("algorithm", "k", "scaling", "components", "min_size", "examples", "covariates")
"""What may be chosen."""

Floats = npt.NDArray[np.float64]

_ALGORITHMS = ("kmeans", "gmm", "spectral", "hdbscan")
_MOST_KINDS = 10
_FEWEST = 4  # pictures that can be laid out
_MOST_LAID_OUT = 5000  # t-SNE of more takes minutes and shows no more
_EXAMPLES = 8


class _Pictures(NamedTuple):
    """Pictures that have vectors, and the others."""

    source: str
    images: gpd.GeoDataFrame
    vectors: pd.DataFrame
    rejected: pd.DataFrame


def explain_kinds(job: Job) -> Made:
    """Sort the pictures of a source into kinds by their features.

    Parameters
    ----------
    job
        ``source`` may be any that has features; ``None`` takes the model's first. Of ``options`` are read:

        - ``algorithm``: ``kmeans`` (default), ``gmm``, ``spectral``, ``hdbscan``;
        - ``k``: number of kinds, ``silhouette`` or (``gmm`` only) ``bic``; by default the best of 2 to 10 by
          BIC for ``gmm``, else by silhouette. ``hdbscan`` finds it by itself;
        - ``scaling`` (``standard``, ``minmax``, ``none``), ``components`` (principal components or a share of
          the variance, 0.9), ``min_size`` of HDBSCAN's kinds (10);
        - ``examples``: nearest and farthest pictures shown per kind (8);
        - ``covariates``: raster files, or names to raster files.

    Returns
    -------
    Made
        Layer ``explanations_feature_clusters`` (EPSG:4326, the pictures' points or footprints): ``method,
        model, target, source, image_id, cluster`` (0 the largest, -1 none), ``distance`` from the kind's
        centre, ``pc_1, pc_2, tsne_1, tsne_2``, and ``path, kind, captured_at, license, creator`` where known.
        Files ``feature_clusters_<source>_curve.png`` (where the number was chosen), ``_embedding.png``,
        ``_sheet.png``, ``_covariates.csv`` (``cluster, pictures, covariate, n, mean, sd, difference, lower,
        upper, blocks``, as :func:`~geolivelihood.explanation.cluster_covariates` says: indicators of the
        surveyed clusters that pictures belong to, and rasters).

    Raises
    ------
    InputError
        If the source has no features, there are too few pictures or all are alike, or an option is wrong.
    """
    options = _Options.of(job.options)
    pictures = _pictures(job)
    begin(f"sorting the pictures of {pictures.source} into kinds")
    found = _sorted(job, pictures, options)
    sizes = pd.Series(found.labels_).value_counts().sort_index()
    covariates = picture_covariates(job, pictures.source, pictures.images, options.covariates)
    spots = _layout(job, pictures, found)
    layer = _layer(job, pictures, found, spots)
    names = {k: _words(k, n) for k, n in sizes.items()}
    files = [_path(job, pictures, "covariates.csv")]
    write_covariates(files[0], job, pictures.images, covariates, found.labels_)
    curve = _path(job, pictures, "curve.png")
    if found.curve_.empty:
        curve.unlink(missing_ok=True)  # that of an earlier explanation says nothing of this one
    else:
        explanation.draw_curve(found.curve_, k=found.k_, path=curve)
        files.append(curve)
    files.append(_draw_embedding(job, pictures, found, covariates, spots, names))
    sheet, unread = _draw_sheet(job, pictures, found, names, options.examples)
    files += [] if sheet is None else [sheet]
    rejected = pd.concat([pictures.rejected, unread], ignore_index=True)
    rejected = rejected.assign(stage=f"feature_clusters-{pictures.source}").reindex(columns=list(REJECTED))
    return Made(
        {"explanations_feature_clusters": layer}, files, rejected, _facts(pictures, found, sizes, spots)
    )


# -- which pictures, and which kinds ----------------------------------------------------------------


class _Options(NamedTuple):
    """What is asked for, checked."""

    algorithm: str
    k: int | str
    scaling: Any
    components: int | float | None
    min_size: int
    examples: int
    covariates: Any

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> _Options:
        """The options that concern kinds; those of other methods are passed over."""
        algorithm = given.get("algorithm", "kmeans")
        if algorithm not in _ALGORITHMS:
            msg = f"There is no algorithm {algorithm!r}; choose one of {', '.join(_ALGORITHMS)}."
            raise InputError(msg)
        if algorithm == "hdbscan" and "k" in given:
            msg = f"HDBSCAN finds the number of kinds by itself; leave k={given['k']!r} out, or set min_size."
            raise InputError(msg)
        k = given.get("k", "bic" if algorithm == "gmm" else "silhouette")
        components = given.get("components", 0.9)
        if components is not None and not (isinstance(components, int | float) and components > 0):
            msg = f"components={components!r}: give a number of components, a share of the variance, or null."
            raise InputError(msg)
        return cls(
            algorithm,
            k if isinstance(k, str) and not k.isdigit() else _whole("k", k, 1),
            given.get("scaling", "standard"),
            components,
            _whole("min_size", given.get("min_size", 10), 2),
            _whole("examples", given.get("examples", _EXAMPLES), 1),
            given.get("covariates"),
        )


def _whole(name: str, value: Any, least: int) -> int:
    """A whole number that may come as text.

    Raises
    ------
    InputError
        If it is none, or too small.
    """
    number = int(value) if str(value).isdigit() else -1
    if number < least:
        msg = f"{name}={value!r}: give a whole number from {least} on."
        raise InputError(msg)
    return number


def _source(job: Job) -> str:
    """The source asked for, else the model's first that has features."""
    known = job.data.encoded
    seen = [name for name in job.data.seen_by(job.choice) if name in known]
    if job.source in known:
        return job.source
    if job.source is None and seen:
        return seen[0]
    what = (
        f"The model {job.choice.key!r} sees no source"
        if job.source is None
        else f"There is no source {job.source!r}"
    )
    msg = f"{what} with features. Name one by source: {', '.join(known) or 'the project has none'}."
    raise InputError(msg)


def _pictures(job: Job) -> _Pictures:
    source = _source(job)
    images = chosen_images(job, source)
    vectors = job.data.features(source).reindex(images["image_id"])
    values = vectors.to_numpy(dtype=float)
    gaps = ~np.isfinite(values).all(axis=1)
    lost = pd.DataFrame({"row": images["image_id"][gaps], "column": "features"})
    rejected = lost.assign(reason=_reasons(job, source, lost["row"]))
    kept, there = images[~gaps].reset_index(drop=True), vectors[~gaps]
    if len(kept) < _FEWEST:
        msg = (
            f"{len(kept)} of {len(images)} pictures of {source!r} have features; kinds need at least "
            f"{_FEWEST}. Ask for more of them, or for all."
        )
        raise InputError(msg)
    return _Pictures(source, kept, there, rejected)


def _reasons(job: Job, source: str, ids: pd.Series) -> list[str]:
    """Why pictures have no features, as far as is known from when they were to be encoded."""
    file = job.data.space.path(job.data.features_stage(source)) / "rejected.csv"
    known = pd.read_csv(file, dtype=str).set_index("row")["reason"] if file.exists() else pd.Series(dtype=str)
    told = ids.map(known.groupby(level=0).first())
    return ("it has no features, or gaps in them" + (": " + told).fillna("")).tolist()


def _sorted(job: Job, pictures: _Pictures, options: _Options) -> explanation.FeatureClusters:
    values = pictures.vectors.to_numpy(dtype=float)
    distinct = len(np.unique(values, axis=0))
    least = options.k if isinstance(options.k, int) else 2
    if distinct < max(2, least):
        msg = (
            f"The features of {len(values)} pictures of {pictures.source!r} take {distinct} different "
            f"values, too few for {least} kinds. Ask for fewer kinds, or for more pictures."
        )
        raise InputError(msg)
    fewest = options.min_size
    if options.algorithm == "hdbscan" and fewest > len(values):
        msg = f"min_size={fewest}: with {len(values)} pictures give 2 to {len(values)}."
        raise InputError(msg)
    method: Any = options.algorithm
    found = explanation.FeatureClusters(
        method=method,
        k=options.k,
        choices=range(2, min(_MOST_KINDS, distinct) + 1),
        scaling=options.scaling,
        components=options.components,
        min_size=fewest,
        random_state=job.data.project.seed,
    ).fit(values)
    if not found.k_:
        msg = (
            f"HDBSCAN finds no kind of at least {fewest} among the {len(values)} pictures of "
            f"{pictures.source!r}. Lower min_size, or take another algorithm."
        )
        raise InputError(msg)
    return found


# -- how they are shown -------------------------------------------------------------------------------


def _layout(job: Job, pictures: _Pictures, found: explanation.FeatureClusters) -> Floats:
    """t-SNE coordinates, kept; of a sample where there are very many pictures, NaN for the others."""
    ids, seed = pictures.images["image_id"].tolist(), job.data.project.seed
    values = found.transform(pictures.vectors.to_numpy(dtype=float))
    rows = np.arange(len(ids))
    if len(ids) > _MOST_LAID_OUT:
        rows = np.sort(np.random.default_rng(seed).choice(len(ids), _MOST_LAID_OUT, replace=False))

    def _build(folder: Path) -> None:
        made = explanation.embedding_coordinates(values[rows], random_state=seed)
        pd.DataFrame(made, columns=["x", "y"]).to_parquet(folder / "layout.parquet")

    scaling = [found.scaling, found.components, seed]
    stage = job.data.space.stage(
        f"explain-kinds-{pictures.source}", job.data.features_stage(pictures.source), ids, scaling
    )
    begin(f"laying out the pictures of {pictures.source}")
    spots = np.full((len(ids), 2), np.nan)
    spots[rows] = pd.read_parquet(job.data.space.make(stage, _build) / "layout.parquet").to_numpy()
    return spots


def _layer(
    job: Job, pictures: _Pictures, found: explanation.FeatureClusters, spots: Floats
) -> gpd.GeoDataFrame:
    layer = explanation.cluster_layer(pictures.images, found, pictures.vectors, coordinates=spots)
    # as they were sorted: HDBSCAN's outliers would be given to the nearest kind
    layer["cluster"] = found.labels_
    layer["distance"] = np.where(found.labels_ >= 0, layer["distance"], np.nan)
    marks = {"method": job.method, "model": job.choice.key, "target": "", "source": pictures.source}
    layer = layer.assign(**marks)[[*marks, *layer.columns]]
    small_on_large = np.argsort(-shapely.area(layer.geometry.to_numpy()), kind="stable")
    return layer.iloc[small_on_large].reset_index(drop=True)


def _draw_embedding(
    job: Job,
    pictures: _Pictures,
    found: explanation.FeatureClusters,
    covariates: pd.DataFrame,
    spots: Floats,
    names: Mapping[int, str],
) -> Path:
    drawn = np.isfinite(spots).all(axis=1)
    panels = {f"kinds of pictures: {pictures.source}": found.labels_}
    if job.indicator in covariates and covariates[job.indicator].notna().any():
        label = job.data.project.output.labels.get(job.indicator, job.indicator)
        panels[f"{label}, surveyed nearby"] = covariates[job.indicator].to_numpy()
    path = _path(job, pictures, "embedding.png")
    explanation.draw_embedding(
        spots[drawn], pd.DataFrame(panels)[drawn], palette=KINDS, names=names, path=path
    )
    return path


def _draw_sheet(
    job: Job,
    pictures: _Pictures,
    found: explanation.FeatureClusters,
    names: Mapping[int, str],
    count: int,
) -> tuple[Path | None, pd.DataFrame]:
    """Nearest and farthest pictures of each kind, and those among them that cannot be read."""
    if "path" not in pictures.images:
        return None, pd.DataFrame(columns=["row", "column", "reason"])
    begin("drawing the contact sheet")
    away = found.distances(pictures.vectors.to_numpy(dtype=float))
    ids = pictures.images["image_id"].to_numpy()
    examples = explanation.cluster_examples(away, found.labels_, ids=ids, n=count)
    shown = explanation.thumbnails(pictures.images[np.isin(ids, examples["image_id"])])
    path = _path(job, pictures, "sheet.png")
    explanation.cluster_sheet(examples, shown, names=names, path=path)
    lost = shown[[isinstance(one, Blank) for one in shown]]
    reasons = [f"not on the contact sheet: {one.note}" for one in lost]
    return path, pd.DataFrame({"row": lost.index, "column": "path", "reason": reasons})


def _words(number: int, count: int) -> str:
    name = "of no kind" if number < 0 else f"kind {number}"
    return f"{name} ({count:,} {'picture' if count == 1 else 'pictures'})"


def _path(job: Job, pictures: _Pictures, what: str) -> Path:
    return job.folder / f"feature_clusters_{pictures.source}_{what}"


def _facts(
    pictures: _Pictures, found: explanation.FeatureClusters, sizes: pd.Series, spots: Floats
) -> dict[str, Any]:
    known = found.silhouette_[np.isfinite(found.silhouette_)]
    return {
        "source": pictures.source,
        "pictures": len(pictures.images),
        "algorithm": found.method,
        "kinds": int(found.k_),
        "chosen by": found.k if isinstance(found.k, str) and not found.curve_.empty else "",
        "of no kind": int(sizes.get(-1, 0)),
        "largest": int(sizes[sizes.index >= 0].max()),
        "smallest": int(sizes[sizes.index >= 0].min()),
        "components": int(found.centres_.shape[1]),
        "silhouette": round(float(known.mean()), 4) if len(known) else None,
        "laid out": int(np.isfinite(spots[:, 0]).sum()),
    }
