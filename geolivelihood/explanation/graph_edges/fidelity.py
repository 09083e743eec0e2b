"""Whether the edges that an explanation names carry the prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from torch_geometric.data import Data

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.explanation.graph_edges.places import node_positions
from geolivelihood.explanation.graph_edges.scores import predicted_with
from geolivelihood.explanation.graph_edges.subjects import subjects

__all__ = ["Fidelity", "characterisation", "edge_fidelity"]


class Fidelity(NamedTuple):
    """How predictions change without the named edges, and with them alone.

    Attributes
    ----------
    plus
        Mean change without them: large if they are needed.
    minus
        Mean change with them alone: small if they are enough.
    characterisation
        Both in one number, 0 to 1, for classes; NaN for numbers.
    """

    plus: float
    minus: float
    characterisation: float


def edge_fidelity(
    model: Any,
    graph: Data,
    chosen: npt.ArrayLike | pd.DataFrame,
    *,
    targets: Iterable[Any] | None = None,
    decide: Callable[[npt.NDArray[np.float64]], npt.NDArray[Any]] | None = None,
    output: int = 0,
    hops: int | None = None,
) -> Fidelity:
    """How much predictions rest on some edges (Amara et al. 2022 [1]_).

    Edges are deleted, not masked: weights are normalised anew over what is left. Self-loops stay.

    Parameters
    ----------
    model, graph, targets, output, hops
        As in :func:`edge_importance`.
    chosen
        Edges that are named: true or false per edge of ``graph.edge_index``, or rows of
        ``edge_importance(...).edges``, of which both directions are meant.
    decide
        Turns predictions (targets,) into classes, such as ``lambda y: y > 2``: changes are then shares of
        targets whose class is another. ``None`` takes absolute differences in the unit of the prediction.

    Returns
    -------
    Fidelity
        |y(G) - y(G without S)|, |y(G) - y(S)| and 1 / (0.5/plus + 0.5/(1 - minus)).

    Raises
    ------
    InputError
        If ``chosen`` does not fit the graph, or as in :func:`edge_importance`.

    References
    ----------
    .. [1] Amara et al. (2022), "GraphFramEx: Towards Systematic Evaluation of Explainability Methods for
       Graph Neural Networks".
    """
    mask = _mask(graph, chosen)
    loops = (graph.edge_index[0] == graph.edge_index[1]).numpy()
    nodes = None if targets is None else node_positions(graph, targets)
    found = subjects(model, graph, nodes, hops=hops, output=output)
    variants = np.stack([np.ones_like(mask), ~mask | loops, mask | loops])
    values = np.stack(
        [predicted_with(subject, variants[:, subject.place.edges.numpy()]) for subject in found]
    )
    whole, without, alone = values.T
    if decide is None:
        plus, minus = (float(np.abs(whole - part).mean()) for part in (without, alone))
        return Fidelity(plus, minus, float("nan"))
    plus, minus = (float(np.mean(decide(whole) != decide(part))) for part in (without, alone))
    return Fidelity(plus, minus, characterisation(plus, minus))


def characterisation(plus: float, minus: float) -> float:
    """Weighted harmonic mean of what is needed and what is enough; 0 where either is nothing."""
    return 0.0 if plus <= 0 or minus >= 1 else 1.0 / (0.5 / plus + 0.5 / (1.0 - minus))


def _mask(graph: Data, chosen: npt.ArrayLike | pd.DataFrame) -> npt.NDArray[np.bool_]:
    if not isinstance(chosen, pd.DataFrame):
        mask = np.asarray(chosen)
        if mask.dtype != bool or mask.shape != (graph.num_edges,):
            msg = f"chosen needs true or false for each of the {graph.num_edges} edges, got {mask!r}."
            raise InputError(msg)
        return mask
    missing = [name for name in ("source", "target") if name not in chosen]
    if missing:
        msg = f"Chosen edges need the columns source and target; missing: {', '.join(missing)}."
        raise MissingColumnError(msg)
    if chosen.empty:
        return np.zeros(graph.num_edges, dtype=bool)
    ends = np.stack([node_positions(graph, chosen[name]) for name in ("source", "target")])
    key, named = (np.sort(pair, axis=0) for pair in (graph.edge_index.numpy(), ends))
    return np.isin(key[0] * graph.num_nodes + key[1], named[0] * graph.num_nodes + named[1])
