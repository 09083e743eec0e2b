"""The graph network: ragged batches against the published formulation, dense and padded to 200 photos.

Sizes of clusters. Of the published street-level data two figures are known: 22,052 clusters in 48 countries
have 76.3 photos in the mean and 94.0 in the median (more in the median than in the mean: many clusters have
few), and India's 7,117 have 1.12 million rows, 157 in the mean. ``countries()`` and ``india()`` draw sizes
with these moments, at most 200.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.harness import Comparison

FEATURES, MOST = 577, 200
CLUSTERS, BATCH, STEPS = 7_117, 256, 6
PADDED_STEPS = 2


def countries(n: int) -> np.ndarray:
    """Sizes of ``n`` clusters: mean 76.3, median 94."""
    few = round(0.44 * n)
    sizes = np.concatenate([np.linspace(1, 39, few), np.linspace(87, 154, n - few)])
    return np.random.default_rng(0).permutation(sizes.round().astype(np.int64))


def india(n: int) -> np.ndarray:
    """Sizes of ``n`` clusters, long-tailed and cut at 200: mean 157."""
    rng = np.random.default_rng(0)
    return np.clip(rng.lognormal(5.35, 0.9, n), 1, MOST).astype(np.int64)


class Padded(nn.Module):
    """The published network, literally: GC64-GC64-GEP32-GC32-GC32-GEP8-FC256-FC1 on (B, 200, F) tensors."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.filters = nn.ModuleList(
            [PaddedFilter(features, 64), PaddedFilter(64, 64), PaddedFilter(64, 32), PaddedFilter(32, 32)]
        )
        self.pools = nn.ModuleList([PaddedPool(64, 32), PaddedPool(32, 8)])
        self.head = nn.Sequential(nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 1))

    def forward(self, nodes: Tensor, adjacency: Tensor) -> Tensor:
        """Predict from V (B, N, F) and A (B, N, N)."""
        for pool, (first, second) in zip(self.pools, (self.filters[:2], self.filters[2:])):
            nodes = second(first(nodes, adjacency), adjacency)
            nodes, adjacency = pool(nodes, adjacency)
        return self.head(nodes.flatten(1))

    def penalty(self) -> Tensor:
        """The published decay of all weight matrices."""
        return 5e-4 * sum(weight.square().sum() / 2 for weight in self.parameters() if weight.ndim == 2)


class PaddedFilter(nn.Module):
    """(A V) W + V W_I + b, normalised over batch and nodes, padding included."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.neighbours, self.own = nn.Linear(inputs, outputs, bias=False), nn.Linear(inputs, outputs)
        self.norm = nn.BatchNorm1d(outputs, eps=1e-3)

    def forward(self, nodes: Tensor, adjacency: Tensor) -> Tensor:
        """Filter every node, real or not."""
        return _normed(self.norm, self.neighbours(adjacency @ nodes) + self.own(nodes))


class PaddedPool(nn.Module):
    """S = softmax over nodes of V W + b; V' = SᵀV, A' = SᵀAS."""

    def __init__(self, features: int, vertices: int) -> None:
        super().__init__()
        self.score, self.norm = nn.Linear(features, vertices), nn.BatchNorm1d(features, eps=1e-3)

    def forward(self, nodes: Tensor, adjacency: Tensor) -> tuple[Tensor, Tensor]:
        """Pool nodes and edges into a few vertices."""
        share = self.score(nodes).softmax(dim=1)
        turned = share.transpose(1, 2)
        return _normed(self.norm, turned @ nodes), turned @ adjacency @ share


def _normed(norm: nn.BatchNorm1d, nodes: Tensor) -> Tensor:
    return functional.relu(norm(nodes.flatten(0, 1)).reshape(nodes.shape))


def _train(network: nn.Module, batches: Any) -> None:
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for inputs, target in batches:
        optimiser.zero_grad()
        loss = functional.mse_loss(network(*inputs)[:, 0], target)
        (loss + network.penalty() if isinstance(network, Padded) else loss).backward()
        optimiser.step()


def _batch(sizes: np.ndarray) -> dict[str, Any]:
    """The same graphs in the form that each side takes, in memory; one thread of torch for both."""
    from torch_geometric.data import Data

    from geolivelihood.graphs.edges import complete_edges
    from geolivelihood.models.graph_network import GraphNetwork
    from geolivelihood.models.ragged import collate

    torch.set_num_threads(1)
    torch.manual_seed(0)
    graphs: list[Data] = []
    nodes, adjacency = torch.zeros(BATCH, MOST, FEATURES), torch.zeros(BATCH, MOST, MOST)
    for i, n in enumerate(sizes.tolist()):
        nodes[i, :n], adjacency[i, :n, :n] = torch.randn(n, FEATURES), torch.rand(n, n)
        weight = adjacency[i, :n, :n].reshape(-1)
        graphs.append(Data(x=nodes[i, :n], edge_index=complete_edges(n), edge_weight=weight))
    data = {
        "target": torch.randn(BATCH),
        "padded": (nodes, adjacency),
        "ragged": collate(graphs),
        "ours": GraphNetwork(FEATURES).train(),
        "peer": Padded(FEATURES).train(),
    }
    steps_ours(data, steps=1)  # the first step finds its memory
    steps_peer(data, steps=1)
    return data


def batch_countries() -> dict[str, Any]:
    return _batch(countries(BATCH))


def batch_india() -> dict[str, Any]:
    return _batch(india(BATCH))


def steps_ours(data: dict[str, Any], *, steps: int = STEPS) -> None:
    _train(data["ours"], [(data["ragged"], data["target"])] * steps)


def steps_peer(data: dict[str, Any], *, steps: int = STEPS) -> None:
    _train(data["peer"], [(data["padded"], data["target"])] * steps)


def country() -> dict[str, Any]:
    """India's size: 7,117 clusters, 1.1 million photos, 577 features, 2.6 GB of them in single precision."""
    import geopandas as gpd
    import pandas as pd
    import shapely

    import geolivelihood.models  # noqa: F401 - imports are no part of the timing

    rng, sizes = np.random.default_rng(0), india(CLUSTERS)
    n = int(sizes.sum())
    middle = np.column_stack([rng.uniform(70, 85, CLUSTERS), rng.uniform(10, 28, CLUSTERS)])
    lonlat = np.repeat(middle, sizes, axis=0) + rng.uniform(-0.1, 0.1, (n, 2))
    ids = pd.Index(np.arange(n))
    images = gpd.GeoDataFrame(
        {"image_id": ids, "cluster_id": np.repeat(np.arange(CLUSTERS), sizes)},
        geometry=shapely.points(lonlat),
        crs="EPSG:4326",
    )
    values = rng.random((n, FEATURES), dtype=np.float32)
    features = pd.DataFrame(values, index=ids, copy=False)
    return {"images": images, "features": features, "target": rng.normal(size=CLUSTERS)}


def epoch_ours(data: dict[str, Any]) -> None:
    """All that an epoch costs a user: graphs, scaling, validation before and after, and the training."""
    from geolivelihood.graphs import cluster_graphs
    from geolivelihood.models import GraphRegressor

    graphs = cluster_graphs(data["images"], data["features"], edges="exponential")
    GraphRegressor(max_epochs=1, device="cpu").fit(graphs, data["target"])


def epoch_peer(data: dict[str, Any]) -> None:
    """Two of its 28 steps, on matrices that are there already, on all cores: no more than the arithmetic."""
    torch.manual_seed(0)
    nodes, adjacency = torch.rand(BATCH, MOST, FEATURES), torch.rand(BATCH, MOST, MOST)
    target = torch.from_numpy(data["target"][:BATCH]).float()
    _train(Padded(FEATURES), [((nodes, adjacency), target)] * PADDED_STEPS)


COMPARISONS = (
    Comparison(
        name="graph_steps",
        what=f"{STEPS} training steps, {BATCH} photo graphs (mean 76, median 94 photos), {FEATURES} features",
        against="the published layers on tensors padded to 200; one thread of torch each",
        goal=5,
        setup=batch_countries,
        ours=steps_ours,
        peer=steps_peer,
        runs=5,
    ),
    Comparison(
        name="graph_steps_india",
        what=f"the same, {BATCH} photo graphs (mean 157)",
        against="the same",
        goal=2.3,
        setup=batch_india,
        ours=steps_ours,
        peer=steps_peer,
        runs=5,
    ),
    Comparison(
        name="graph_epoch",
        what=f"one epoch from the tables: {CLUSTERS:,} clusters, 1.1 M photos, {FEATURES} features",
        against="the padded steps alone, on all cores",
        goal=1,
        setup=country,
        ours=epoch_ours,
        peer=epoch_peer,
        peer_share=PADDED_STEPS / -(-CLUSTERS // BATCH),
        runs=1,
        peak_limit_mb=6000,
    ),
)
