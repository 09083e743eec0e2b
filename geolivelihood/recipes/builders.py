"""From a project's choice of a model to an estimator."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from geolivelihood import graphs, models
from geolivelihood.errors import ProjectError
from geolivelihood.recipes.settings import ModelChoice

__all__ = ["GEOGRAPHIC", "SPARSE", "build_estimator", "graph_options"]

GEOGRAPHIC = ("mean", "knn", "idw", "gp")
"""Models that see nothing but the coordinates."""
SPARSE = {"edges": "knn", "normalise": "row"}  # within a village dense edges are nearly all ones


def _crossfitted(
    *, second: str = "ridge", n_splits: int = 5, random_state: int | None = 0, **image: Any
) -> models.CrossFitted:
    """A picture network and a second model on its cross-fitted features."""
    if second not in _SECOND:
        msg = f"models, crossfitted: second is {second!r}; give one of {', '.join(_SECOND)}."
        raise ProjectError(msg)
    network = models.ImageRegressor(random_state=random_state, **image)
    return models.CrossFitted(network, _SECOND[second](), n_splits=n_splits, random_state=random_state)


_SECOND: dict[str, Callable[..., Any]] = {
    "ridge": models.RidgeRegressor,
    "boosting": models.BoostingRegressor,
}
_BUILDERS: dict[str, Callable[..., Any]] = {
    "mean": models.MeanRegressor,
    "knn": models.GeodesicKNN,
    "idw": models.InverseDistance,
    "gp": models.GaussianProcess,
    "ridge": models.RidgeRegressor,
    "boosting": models.BoostingRegressor,
    "graph": models.GraphRegressor,
    "image": models.ImageRegressor,
    "crossfitted": _crossfitted,
    "cell": models.CellRegressor,
}
_GRAPH_OPTIONS = tuple(
    name
    for name in inspect.signature(graphs.cluster_graphs).parameters
    if name not in ("images", "features", "seed")
)


def build_estimator(choice: ModelChoice, *, seed: int) -> Any:
    """An unfitted estimator with the options of the project.

    Raises
    ------
    ProjectError
        If an option is not one of the model's; the message lists them.
    """
    builder = _BUILDERS[choice.name]
    known = [name for name in inspect.signature(builder).parameters if name != "image"]
    if choice.name == "crossfitted":
        known += [name for name in inspect.signature(models.ImageRegressor).parameters if name not in known]
    options = {key: value for key, value in choice.options.items() if key not in graph_options(choice)}
    unknown = sorted(set(options) - set(known))
    if unknown:
        also = [*known, *_GRAPH_OPTIONS] if choice.name == "graph" else known
        msg = f"models, {choice.key}: unknown option {unknown[0]!r}; there are: {', '.join(also)}."
        raise ProjectError(msg)
    if "random_state" in known:
        options.setdefault("random_state", seed)
    return builder(**options)


def graph_options(choice: ModelChoice) -> list[str]:
    """Options of a graph model that say how its graphs are made, not how it learns."""
    return [key for key in choice.options if key in _GRAPH_OPTIONS] if choice.name == "graph" else []
