"""How much each edge counts for one prediction: by taking it away, and by its gradient."""

from __future__ import annotations

from typing import TypeGuard

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from geolivelihood.errors import InputError
from geolivelihood.explanation.graph_edges.subjects import ClusterSubject, Subject
from geolivelihood.progress import checkpoint

__all__ = ["gradient_scores", "integrated_scores", "left_out", "predicted_with"]

Floats = npt.NDArray[np.float64]

_EDGES_AT_ONCE = 200_000  # with 64 features each, 50 MB of messages
_ENTRIES_AT_ONCE = 4_000_000  # of matrices, which carry no messages: 16 MB
_MARKS_AT_ONCE = 100_000_000


def predicted_with(subject: Subject, kept: npt.NDArray[np.bool_], blank: npt.NDArray | None = None) -> Floats:
    """Predictions of variants of the graph, many at once.

    Parameters
    ----------
    subject
        What is predicted.
    kept
        Which edges each variant has (variants, e).
    blank
        Which nodes of each variant are without their features (variants, s).

    Returns
    -------
    numpy.ndarray
        Shape (variants,).

    Raises
    ------
    InputError
        If the model predicts a graph differently when others lie beside it.
    """
    most = _ENTRIES_AT_ONCE if _complete(subject) else _EDGES_AT_ONCE
    size = max(1, most // max(kept.shape[1], len(subject.x), 1))
    whole = np.ones((1, kept.shape[1]), dtype=bool)
    alone = _batch(subject, whole, None)[0]
    found = []
    for start in range(0, len(kept), size):
        checkpoint()
        some = np.concatenate([whole, kept[start : start + size]])
        dark = None if blank is None else blank[start : start + size]
        values = _batch(subject, some, dark)
        known = values[~np.isnan(values)]
        near = 1e-5 + 1e-3 * (np.ptp(known) if len(known) else 0.0)
        if not np.isclose(values[0], alone, rtol=1e-3, atol=near, equal_nan=True):
            msg = (
                f"The model predicts {alone:g} for a graph alone and {values[0]:g} with others beside it: "
                "it mixes all nodes of a batch, and edges cannot be taken away one by one."
            )
            raise InputError(msg)
        found.append(values[1:])
    return np.concatenate(found) if found else np.empty(0)


def left_out(subject: Subject, groups: npt.NDArray[np.int64]) -> Floats:
    """The prediction less the one without each group of edges.

    Parameters
    ----------
    subject
        What is predicted.
    groups
        Group of each edge (e,), counted from 0; -1 for edges that always stay.

    Returns
    -------
    numpy.ndarray
        Shape (groups,), in the unit of the prediction.
    """
    count = int(groups.max(initial=-1)) + 1
    whole = predicted_with(subject, np.ones((1, len(groups)), dtype=bool))
    # 200 photos that all hear each other have 19,900 links of 40,000 edges: too many marks for one table.
    parts = np.array_split(np.arange(count), 1 + count * len(groups) // _MARKS_AT_ONCE)
    return whole - np.concatenate([predicted_with(subject, groups != part[:, None]) for part in parts])


def left_out_nodes(subject: Subject) -> tuple[Floats, Floats]:
    """The prediction less the one without each node's features, and less the one without its self-loop."""
    source, end = subject.edge_index.numpy()
    count = len(subject.x)
    features = predicted_with(
        subject,
        np.ones((count + 1, len(source)), dtype=bool),
        np.concatenate([np.zeros((1, count), dtype=bool), np.eye(count, dtype=bool)]),
    )
    loops = np.where(source == end, source, -1)
    own = np.zeros(count)
    named, groups = np.unique(loops[loops >= 0], return_inverse=True)
    packed = np.full(len(loops), -1)
    packed[loops >= 0] = groups
    own[named] = left_out(subject, packed)
    return features[0] - features[1:], own


def gradient_scores(subject: Subject) -> tuple[Floats, Floats]:
    """Gradient times weight of each edge (e,), and gradient times features of each node (s,)."""
    x, flow = (part.detach().clone().requires_grad_() for part in (subject.x, subject.flow()))
    answer = subject.along(x, flow)
    edges, nodes = (_gradient(answer, part) * _floats(part) for part in (flow, x))
    return edges, nodes.sum(axis=1)


def integrated_scores(subject: Subject, *, steps: int) -> tuple[Floats, Floats]:
    """Gradients integrated over weights, and over features, that grow from 0 (Sundararajan et al. 2017).

    Edges sum to the prediction less the one without edges, nodes to the prediction less the one of zeros. The
    path is cut at Gauss-Legendre points: exact where the prediction is a polynomial of the weights.
    """
    points, weights = np.polynomial.legendre.leggauss(steps)
    x, flow = subject.x.detach(), subject.flow().detach()
    edges, nodes = np.zeros(flow.shape), np.zeros(x.shape)
    for point, weight in zip((points + 1) / 2, weights / 2):
        some, shade = (flow * float(point)).requires_grad_(), (x * float(point)).requires_grad_()
        edges += weight * _gradient(subject.along(x, some), some)
        nodes += weight * _gradient(subject.along(shade, flow), shade)
    return edges * _floats(flow), (nodes * _floats(x)).sum(axis=1)


def _batch(subject: Subject, kept: npt.NDArray[np.bool_], blank: npt.NDArray | None) -> Floats:
    """Predictions of variants as one graph of unconnected copies."""
    copies, nodes = len(kept), len(subject.x)
    x = subject.x.repeat(copies, 1)
    if blank is not None:
        dark = torch.zeros(copies, nodes, dtype=torch.bool)
        dark[copies - len(blank) :] = torch.from_numpy(blank)
        x[dark.reshape(-1)] = subject.blank
    with torch.no_grad():
        if _complete(subject):  # a weight of 0 is no edge, and matrices are much faster than lists of edges
            matrices = subject.weight * torch.from_numpy(kept)
            return _floats(subject.values_complete(x, matrices.view(copies, nodes, nodes)))
        copy, edge = map(torch.from_numpy, np.nonzero(kept))
        index = subject.edge_index[:, edge] + copy * nodes
        weight = None if subject.edge_weight is None else subject.edge_weight[edge]
        return _floats(subject.values(x, index, weight, copies))


def _complete(subject: Subject) -> TypeGuard[ClusterSubject]:
    return isinstance(subject, ClusterSubject) and subject.complete


def _gradient(answer: Tensor, by: Tensor) -> Floats:
    """Slope of a prediction, 0 where it does not depend on something."""
    if not answer.requires_grad:
        return np.zeros(by.shape)
    (found,) = torch.autograd.grad(answer, by, retain_graph=True, allow_unused=True)
    return np.zeros(by.shape) if found is None else _floats(found)


def _floats(values: Tensor) -> Floats:
    return values.detach().double().numpy()
