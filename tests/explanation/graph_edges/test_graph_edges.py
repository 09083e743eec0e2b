"""Edge scores: vectors of the path of three nodes, deletion that is one, and models of all kinds."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch_geometric.data import Data
from torch_geometric.nn import GATConv, GCNConv, GraphConv, MessagePassing, SAGEConv
from torch_geometric.utils import k_hop_subgraph

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.explanation.graph_edges import (
    EDGE_METHODS,
    characterisation,
    edge_fidelity,
    edge_importance,
    edge_scores,
    rank_stability,
)
from geolivelihood.explanation.graph_edges.places import graph_pairs
from geolivelihood.graphs import edges_frame

SIGNED = EDGE_METHODS[:3]


class Step(MessagePassing):
    """h + Σ w h_j."""

    def __init__(self):
        super().__init__(aggr="add")

    def forward(self, x, edge_index, edge_weight):
        return x + self.propagate(edge_index, x=x, edge_weight=edge_weight)

    def message(self, x_j, edge_weight):
        return edge_weight[:, None] * x_j


class Net(nn.Module):
    """Layers one after another, with a bend between them."""

    def __init__(self, *layers, bend=torch.tanh):
        super().__init__()
        self.layers, self.bend = nn.ModuleList(layers), bend

    def forward(self, x, edge_index, edge_weight=None):
        for k, layer in enumerate(self.layers):
            x = self.bend(x) if k else x
            x = layer(x, edge_index) if edge_weight is None else layer(x, edge_index, edge_weight)
        return x


def path(**more):
    return Data(
        x=torch.tensor([[1.0], [2.0], [4.0]], dtype=torch.double),
        edge_index=torch.tensor([[1, 0, 2, 1], [0, 1, 1, 2]]),
        edge_weight=torch.full((4,), 0.5, dtype=torch.double),
        pos=torch.tensor([[30.0, 0.0], [30.1, 0.0], [30.2, 0.0]], dtype=torch.double),
        **more,
    )


def two_steps():
    return Net(Step(), Step(), bend=lambda h: h)


def grid(side=6, features=3, loops=False, seed=0):
    """A square of nodes linked to their neighbours, with random features and weights."""
    torch.manual_seed(seed)
    at = torch.arange(side * side).reshape(side, side)
    one = torch.cat(
        [
            torch.stack([at[:, :-1].ravel(), at[:, 1:].ravel()]),
            torch.stack([at[:-1].ravel(), at[1:].ravel()]),
        ],
        1,
    )
    index = torch.cat([one, one.flip(0)], dim=1)
    if loops:
        index = torch.cat([index, at.ravel().repeat(2, 1)], dim=1)
    place = torch.stack([at.ravel() % side, at.ravel() // side], dim=1).double() / 100
    weight = torch.rand(index.shape[1]) + 0.1
    return Data(x=torch.randn(side * side, features), edge_index=index, edge_weight=weight, pos=place)


def without(graph, kept):
    kept = torch.as_tensor(kept)
    weight = None if graph.edge_weight is None else graph.edge_weight[kept]
    return Data(x=graph.x, edge_index=graph.edge_index[:, kept], edge_weight=weight)


def predict(model, graph, output=0):
    arguments = [graph.x, graph.edge_index] + ([] if graph.edge_weight is None else [graph.edge_weight])
    with torch.no_grad():
        return model.eval()(*arguments)[:, output].double().numpy()


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("occlusion", [3.25, 0.25, 1, 0]),
        ("gradient_weight", [3.25, 0.25, 1, 0]),
        ("integrated_gradients", [2.625, 0.125, 0.5, 0]),
    ],
)
def test_the_path(method, expected):
    assert predict(two_steps(), path())[0] == 4.25
    scores = edge_scores(two_steps(), path(), target=0, method=method)
    np.testing.assert_allclose(scores, expected, atol=1e-12)
    assert scores.sum() == pytest.approx(3.25 if method == "integrated_gradients" else 4.5)


def test_pairs_of_the_path():
    found = edge_importance(two_steps(), path(), targets=[0])
    assert found.edges["importance"].tolist() == [3.25, 1.0] and found.edges["rank"].tolist() == [1, 2]
    assert found.edges[["source", "target"]].to_numpy().tolist() == [[1, 0], [2, 1]]
    assert set(found.edges["target_node"]) == {0} and set(found.edges["method"]) == {"occlusion"}
    assert found.edges["sign"].eq(1).all() and found.edges["stability"].eq(1).all()
    assert found.nodes["node"].tolist() == [0, 1, 2]
    np.testing.assert_allclose(found.nodes["score"], [1.25, 2, 1])  # y = 1.25 x0 + x1 + 0.25 x2


def test_fidelity_of_the_path():
    chosen = np.array([True, True, False, False])
    plus, minus, both = edge_fidelity(two_steps(), path(), chosen, targets=[0])
    assert (plus, minus) == (pytest.approx(3.25), pytest.approx(1)) and np.isnan(both)
    assert edge_fidelity(two_steps(), path(), chosen, targets=[0], decide=lambda y: y > 2) == (1, 0, 1)
    top = edge_importance(two_steps(), path(), targets=[0]).edges.head(1)
    assert edge_fidelity(two_steps(), path(), top, targets=[0])[:2] == (pytest.approx(3.25), pytest.approx(1))
    assert edge_fidelity(two_steps(), path(), top.iloc[:0], targets=[0])[:2] == (0, pytest.approx(3.25))


def test_characterisation():
    assert characterisation(1, 0) == 1 and characterisation(0, 0) == 0 and characterisation(1, 1) == 0
    assert characterisation(0.5, 0.5) == pytest.approx(0.5)


def test_stability_of_seeds():
    seeds = [[0.9, 0.5, 0.1, 0.4], [0.8, 0.6, 0.2, 0.1], [0.7, 0.1, 0.3, 0.6]]
    assert rank_stability(seeds) == pytest.approx(0.466666667)
    assert rank_stability(seeds[:1] * 3) == pytest.approx(1)
    assert np.isnan(rank_stability(seeds[:1])) and np.isnan(rank_stability([[1, 1], [1, 2]]))


def test_deletion_renormalises_degrees_as_a_mask_does_not():
    layer = GCNConv(1, 1, bias=False)
    nn.init.ones_(layer.lin.weight)
    graph = path().apply(lambda part: part.float() if part.is_floating_point() else part)
    graph.edge_weight = torch.ones(4)
    assert predict(layer, graph)[0] == pytest.approx(1.316497)
    found = edge_importance(layer, graph, targets=[0]).edges.set_index("source")
    assert found.loc[2, "score"] == pytest.approx(1.316497 - 1.5, abs=1e-6) and found.loc[2, "sign"] == -1


@pytest.mark.parametrize("loops", [False, True])
@pytest.mark.parametrize("layer", [GraphConv, GCNConv, SAGEConv])
def test_occlusion_is_the_prediction_of_the_whole_graph_less_the_one_without(layer, loops):
    graph = grid(loops=loops)
    if layer is SAGEConv:
        graph.edge_weight = None
    torch.manual_seed(1)
    model = Net(layer(3, 8), layer(8, 2))
    before = predict(model, graph, output=1)
    found = edge_importance(model, graph, targets=[14], output=1)
    link, drawn = graph_pairs(graph), edges_frame(graph)
    heard = {
        tuple(row): score
        for *row, score in found.edges[["source", "target", "score"]].itertuples(index=False)
    }
    for k, (source, target) in enumerate(drawn[["source", "target"]].itertuples(index=False)):
        change = before[14] - predict(model, without(graph, link != k), output=1)[14]
        assert heard.get((source, target), 0.0) == pytest.approx(change, abs=2e-6)
    for node, loop in found.nodes[["node", "self_loop"]].itertuples(index=False):
        own = ((graph.edge_index == node).all(dim=0)).numpy()
        assert loop == pytest.approx(
            before[14] - predict(model, without(graph, ~own), output=1)[14], abs=2e-6
        )


@pytest.mark.parametrize("loops", [False, True])
def test_integrated_gradients_sum_to_what_the_edges_add(loops):
    graph = grid(loops=loops)
    model = Net(GraphConv(3, 8), GraphConv(8, 1))
    found = edge_importance(model, graph, targets=[14], method="integrated_gradients")
    bare = predict(model, without(graph, np.zeros(graph.num_edges, dtype=bool)))
    total = found.edges["score"].sum() + found.nodes["self_loop"].sum()
    assert total == pytest.approx(predict(model, graph)[14] - bare[14], abs=1e-5)
    dark = graph.clone()
    dark.x = torch.zeros_like(dark.x)
    assert found.nodes["features"].sum() == pytest.approx(
        predict(model, graph)[14] - predict(model, dark)[14], abs=1e-5
    )


def test_gradients_are_those_of_the_whole_graph():
    graph, model = grid(), Net(GCNConv(3, 8), GCNConv(8, 1))
    weight = graph.edge_weight.clone().requires_grad_()
    (slope,) = torch.autograd.grad(model(graph.x, graph.edge_index, weight)[14, 0], weight)
    got = edge_scores(model, graph, target=14, method="gradient_weight")
    np.testing.assert_allclose(got, (slope * graph.edge_weight).numpy(), atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_neighbourhoods_are_those_of_torch_geometric(seed, hops):
    from geolivelihood.explanation.graph_edges.neighbourhoods import neighbourhood

    rng = np.random.default_rng(seed)
    index = torch.from_numpy(rng.integers(0, 12, (2, 20)))
    got = neighbourhood(index, 3, hops=hops, nodes=12)
    nodes, _, _, _ = k_hop_subgraph(3, hops, index, num_nodes=12)
    assert got.nodes.tolist() == nodes.tolist()
    inner, _, _, _ = k_hop_subgraph(3, hops - 1, index, num_nodes=12)
    assert got.edges.tolist() == torch.nonzero(torch.isin(index[1], inner))[:, 0].tolist()


def test_several_targets_are_means_over_those_that_hear():
    graph, model = grid(side=4), Net(GraphConv(3, 4), GraphConv(4, 1))
    together = edge_importance(model, graph, targets=[0, 15, 5]).edges.set_index(["source", "target"])
    alone = pd.concat([edge_importance(model, graph, targets=[node]).edges for node in (0, 15, 5)])
    assert set(together["target_node"]) == {"3 nodes"}
    means = alone.groupby(["source", "target"])[["importance", "score"]].mean()
    got = together[["importance", "score"]].sort_index()
    assert got.index.tolist() == means.index.tolist()
    np.testing.assert_allclose(got, means)
    assert (together["sign"] == np.sign(together["score"])).all()
    assert together["rank"].tolist() == list(range(1, len(together) + 1))
    assert together["importance"].is_monotonic_decreasing and len(together) < len(edges_frame(graph)) + 1


def test_learned_masks():
    graph, model = grid(side=4), Net(GraphConv(3, 8), GraphConv(8, 1))
    options = {"targets": [5], "method": "gnn_explainer", "epochs": 20, "seeds": 3}
    state = torch.random.get_rng_state()
    found = edge_importance(model, graph, **options)
    assert torch.equal(state, torch.random.get_rng_state())
    assert found.edges["importance"].between(0, 1).all() and found.edges["sign"].eq(0).all()
    assert found.nodes["importance"].between(0, 1).all()
    masks = edge_scores(model, graph, target=5, method="gnn_explainer", epochs=20, seeds=3)
    link = graph_pairs(graph)
    heard = masks.any(axis=0)
    means = [[row[(link == k) & heard].mean() for k in np.unique(link[heard])] for row in masks]
    assert found.edges["stability"].iloc[0] == pytest.approx(rank_stability(means))
    np.testing.assert_allclose(found.edges["importance"], np.sort(np.mean(means, axis=0))[::-1])
    assert set(found.edges["flag"]) == ({"unstable"} if rank_stability(means) < 0.7 else {""})
    pd.testing.assert_frame_equal(found.edges, edge_importance(model, graph, **options).edges)


@pytest.mark.parametrize("loops", [False, True])
def test_attention_is_the_largest_of_heads_and_layers(loops):
    graph = grid(side=4, loops=loops)
    graph.edge_weight = None
    model = Net(GATConv(3, 4, heads=2), GATConv(8, 1, heads=1))
    got = edge_scores(model, graph, target=5, method="attention")
    bare = without(graph, (graph.edge_index[0] != graph.edge_index[1]).numpy())
    h, (_, first) = model.layers[0](bare.x, bare.edge_index, return_attention_weights=True)
    _, (_, second) = model.layers[1](torch.tanh(h), bare.edge_index, return_attention_weights=True)
    largest = torch.maximum(first.max(dim=1).values, second[:, 0])[: bare.num_edges].detach().numpy()
    apart = np.flatnonzero(graph.edge_index[0] != graph.edge_index[1])
    # what a node hears within two hops: edges into itself and its neighbours
    near = np.isin(bare.edge_index[1].numpy(), [5, 1, 4, 6, 9])
    np.testing.assert_allclose(got[apart], np.where(near, largest, 0), atol=1e-6)
    found = edge_importance(model, graph, targets=[5], method="attention")
    assert found.edges["importance"].between(0, 1).all() and found.nodes.empty


def test_models_are_left_as_they_were_found():
    graph = grid(side=4)
    model = (
        Net(GraphConv(3, 8), nn.Identity(), GraphConv(8, 1)).train()
        if False
        else Net(GraphConv(3, 1)).train()
    )
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for method in EDGE_METHODS[:4]:
        edge_importance(model, graph, targets=[5], method=method, epochs=2, seeds=2)
    with pytest.raises(InputError, match="no attention"):
        edge_importance(model, graph, targets=[5], method="attention")
    assert model.training and all(layer.explain is not True for layer in model.layers)
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not model.layers[0]._message_forward_hooks


def test_names_of_nodes_and_the_antimeridian():
    graph = path(node_ids=["a", "b", "c"])
    graph.pos = torch.tensor([[179.9, 0.0], [-179.9, 0.0], [-179.8, 0.0]], dtype=torch.double)
    found = edge_importance(two_steps(), graph, targets=["a"])
    assert found.edges["source"].tolist() == ["b", "c"] and set(found.edges["target_node"]) == {"a"}
    assert found.edges.geom_type.tolist() == ["MultiLineString", "LineString"]
    assert found.nodes["node"].tolist() == ["a", "b", "c"] and found.nodes.crs.to_epsg() == 4326


def test_a_lonely_node_hears_nothing():
    graph = Data(x=torch.ones(2, 1), edge_index=torch.zeros(2, 0, dtype=torch.long), pos=torch.zeros(2, 2))
    graph.edge_weight = torch.zeros(0)
    for method in SIGNED:
        found = edge_importance(Net(Step()), graph, targets=[1], method=method)
        assert found.edges.empty and found.nodes["score"].tolist() == pytest.approx([1.0])
    found = edge_importance(Net(Step()), graph, targets=[1], method="gnn_explainer", seeds=2)
    assert found.edges.empty and found.nodes.empty


class Mixing(nn.Module):
    def forward(self, x, edge_index, edge_weight=None):
        return x - x.mean(dim=0)


def test_bad_input():
    graph = grid(side=4)
    model = Net(GraphConv(3, 4), GraphConv(4, 1))
    with pytest.raises(InputError, match="give one of occlusion"):
        edge_importance(model, graph, method="saliency")
    with pytest.raises(InputError, match=r"no nodes \[99\]"):
        edge_importance(model, graph, targets=[99])
    with pytest.raises(InputError, match="There are no targets"):
        edge_importance(model, graph, targets=[])
    with pytest.raises(InputError, match="Give more hops"):
        edge_importance(model, graph, targets=[5], hops=1)
    with pytest.raises(InputError, match="no torch_geometric layers to count"):
        edge_importance(nn.Linear(3, 1), graph)
    with pytest.raises(InputError, match="Give more hops; a model that looks at all nodes at once"):
        edge_importance(Mixing(), graph, targets=[5], hops=2)
    with pytest.raises(InputError, match="output=3 is not there"):
        edge_importance(model, graph, output=3)
    with pytest.raises(InputError, match="not for a str"):
        edge_importance("model", graph)
    with pytest.raises(InputError, match="Data with x and edge_index"):
        edge_importance(model, Data())
    with pytest.raises(InputError, match="for one prediction, not for 16"):
        edge_scores(model, graph)
    bare = without(graph, np.ones(graph.num_edges, dtype=bool))
    bare.edge_weight = None
    with pytest.raises(InputError, match=r"set graph\.edge_weight"):
        edge_scores(model, bare, target=5, method="gradient_weight")
    bare.edge_weight = torch.ones(3)
    with pytest.raises(InputError, match="48 edges but 3 weights"):
        edge_scores(model, bare, target=5)
    with pytest.raises(InputError, match="true or false for each of the 48 edges"):
        edge_fidelity(model, graph, np.zeros(3, dtype=bool))
    with pytest.raises(MissingColumnError, match="missing: target"):
        edge_fidelity(model, graph, pd.DataFrame({"source": [1]}))
    with pytest.raises(InputError, match="no pos"):
        edge_importance(model, without(graph, np.ones(graph.num_edges, dtype=bool)), targets=[5])


def test_a_model_that_mixes_a_batch_is_found_out():
    class Full(nn.Module):
        def forward(self, x, edge_index, edge_weight=None):
            return x.sum(dim=0).expand(len(x), -1)

    full = path()
    full.edge_index = torch.tensor([[0, 0, 1, 1, 2, 2], [1, 2, 0, 2, 0, 1]])
    full.edge_weight = torch.ones(6)
    with pytest.raises(InputError, match="mixes all nodes of a batch"):
        edge_importance(Full(), full, targets=[0], hops=2)
