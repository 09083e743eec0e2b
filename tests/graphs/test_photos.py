from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import torch
from torch_geometric.data import Batch

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.graphs import cluster_graphs, cluster_rows


def _photos(rng, sizes, spread=0.05):
    n = sum(sizes)
    cluster = np.repeat([f"ia_{i}" for i in range(len(sizes))], sizes)
    middle = np.repeat(rng.uniform(10, 60, (len(sizes), 2)), sizes, axis=0)
    at = middle + rng.uniform(-spread, spread, (n, 2))
    table = {"image_id": [f"p{i}" for i in range(n)], "cluster_id": cluster}
    images = gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(*at.T), crs="EPSG:4326")
    features = pd.DataFrame(rng.random((n, 3), dtype=np.float32), index=pd.Index(images["image_id"]))
    return images, features


def test_paper_graphs_are_dense_with_the_published_weights(rng):
    images, features = _photos(rng, [4, 1, 3])
    images = images.sample(frac=1, random_state=1)
    graphs = cluster_graphs(images, features.sample(frac=1, random_state=2))
    assert len(graphs) == 3
    for graph in graphs:
        mine = images[images["cluster_id"] == graph.cluster_id]
        n = len(mine)
        assert graph.node_ids == mine["image_id"].tolist()
        np.testing.assert_array_equal(graph.x.numpy(), features.loc[graph.node_ids].to_numpy())
        np.testing.assert_allclose(graph.pos.numpy(), mine.get_coordinates().to_numpy())
        lon, lat = np.radians(mine.get_coordinates().to_numpy()).T
        a = np.sin((lat[:, None] - lat) / 2) ** 2
        a = a + np.cos(lat[:, None]) * np.cos(lat) * np.sin((lon[:, None] - lon) / 2) ** 2
        expected = 1 - 2 * 6371 * np.arcsin(np.sqrt(a)) / 19.890915
        np.testing.assert_allclose(graph.edge_weight.reshape(n, n).numpy(), expected, atol=1e-6)
        assert (graph.edge_weight.reshape(n, n).diagonal() == 1).all()
        dense = torch.zeros(n, n)
        dense[graph.edge_index[1], graph.edge_index[0]] = graph.edge_weight
        assert torch.equal(dense, graph.edge_weight.reshape(n, n))
        assert graph.edge_index.dtype == torch.int64
        assert graph.validate()


def test_graphs_are_a_sequence_and_batch(rng):
    images, features = _photos(rng, [3, 2, 5])
    graphs = cluster_graphs(images, features)
    assert "3 graphs, 10 photos, 3 features" in repr(graphs)
    assert graphs[-1].cluster_id == "ia_2"
    assert [graph.cluster_id for graph in graphs[1:]] == ["ia_1", "ia_2"]
    assert graphs.cluster_ids.tolist() == ["ia_0", "ia_1", "ia_2"]
    assert torch.equal(graphs[0].edge_weight, next(iter(graphs)).edge_weight)
    batch = Batch.from_data_list(list(graphs))
    assert batch.num_nodes == 10
    assert batch.num_edges == 9 + 4 + 25
    with pytest.raises(IndexError):
        graphs[3]


@pytest.mark.parametrize("edges", ["exponential", "gaussian", "reciprocal", "knn", "radius"])
@pytest.mark.parametrize("normalise", [None, "row", "sym"])
def test_kernels_lone_photos_and_coincident_ones(rng, edges, normalise):
    images, features = _photos(rng, [1, 6, 2])
    spot = [shapely.Point(5, 5)] * 2
    images.loc[images["cluster_id"] == "ia_2", "geometry"] = spot
    graphs = list(cluster_graphs(images, features, edges=edges, k=3, radius_km=6, normalise=normalise))
    dense = edges not in ("knn", "radius")
    assert graphs[0].num_edges == dense
    assert graphs[2].num_edges == (4 if dense else 2)
    for graph in graphs:
        assert torch.isfinite(graph.edge_weight).all()
        assert graph.edge_weight.dtype == torch.float32
        if normalise == "row" and graph.num_edges:
            total = torch.zeros(graph.num_nodes).index_add(0, graph.edge_index[1], graph.edge_weight)
            heard = torch.bincount(graph.edge_index[1], minlength=graph.num_nodes) > 0
            torch.testing.assert_close(total[heard], torch.ones(int(heard.sum())))
    if edges == "knn":
        assert torch.bincount(graphs[1].edge_index[1]).tolist() == [3] * 6


def test_the_bandwidth_defaults_to_the_median_of_each_graph(rng):
    images, features = _photos(rng, [5])
    far = cluster_graphs(images, features, edges="exponential")[0].edge_weight.reshape(5, 5).numpy()
    pairs = far[~np.eye(5, dtype=bool)]
    assert np.median(pairs) == pytest.approx(np.exp(-1), rel=1e-2)
    given = cluster_graphs(images, features, edges="exponential", bandwidth_km=1e9)[0]
    torch.testing.assert_close(given.edge_weight, torch.ones(25), atol=1e-6, rtol=0)


def test_the_cap_draws_from_every_sequence_first(rng):
    images, features = _photos(rng, [60, 5])
    images["sequence_id"] = ["long"] * 50 + ["short"] * 3 + [f"s{i}" for i in range(7)] + ["x"] * 5
    graphs = cluster_graphs(images, features, max_photos=12)
    assert [graph.num_nodes for graph in graphs] == [12, 5]
    drawn = images.set_index("image_id").loc[graphs[0].node_ids, "sequence_id"].value_counts()
    assert len(drawn) == 9
    assert drawn.max() <= 3
    order = [int(name[1:]) for name in graphs[0].node_ids]
    assert order == sorted(order)


def test_the_sample_depends_on_seed_and_cluster_only(rng):
    images, features = _photos(rng, [40, 40, 3])
    first = cluster_graphs(images, features, max_photos=10)
    shuffled = cluster_graphs(images.sample(frac=1, random_state=0), features, max_photos=10)
    alone = cluster_graphs(images[images["cluster_id"] == "ia_1"], features, max_photos=10)
    by_id = {graph.cluster_id: set(graph.node_ids) for graph in shuffled}
    assert by_id["ia_0"] == set(first[0].node_ids)
    assert set(alone[0].node_ids) == by_id["ia_1"]
    other = cluster_graphs(images, features, max_photos=10, seed=1)
    assert set(other[0].node_ids) != set(first[0].node_ids)
    assert [graph.num_nodes for graph in cluster_graphs(images, features, max_photos=None)] == [40, 40, 3]


def test_photos_of_several_clusters_or_of_none(rng):
    images, features = _photos(rng, [3, 3])
    shared = images.iloc[[0]].assign(cluster_id="ia_1")
    lost = images.iloc[[1]].assign(cluster_id=None, image_id="p99")
    images = pd.concat([images, shared, lost])
    graphs = cluster_graphs(images, features.drop(index="p5"))
    assert [graph.node_ids for graph in graphs] == [["p0", "p1", "p2"], ["p3", "p4", "p0"]]


def test_footprints_count_at_a_point_inside(rng):
    images, features = _photos(rng, [3])
    squares = images.set_geometry(shapely.buffer(images.geometry.values, 0.01, cap_style="square"))
    squares = squares.to_crs("EPSG:3857")
    a, b = cluster_graphs(images, features)[0], cluster_graphs(squares, features)[0]
    torch.testing.assert_close(a.pos, b.pos, atol=2e-2, rtol=0)


def test_rows_of_every_cluster():
    keys, order, starts = cluster_rows(pd.Series(["b", "a", None, "b", "c", "a"], dtype="str"))
    assert keys.tolist() == ["b", "a", "c"]
    assert [order[i:j].tolist() for i, j in pairwise(starts)] == [[0, 3], [1, 5], [4]]
    many = cluster_rows(np.arange(40_000) % 35_000)
    assert many.order[many.starts[7] : many.starts[8]].tolist() == [7, 35_007]
    assert len(cluster_rows([]).keys) == 0


def test_what_is_refused(rng):
    images, features = _photos(rng, [3])
    for options in ({"edges": "delaunay"}, {"kernel": "linear"}, {"normalise": "column"}, {"max_photos": 0}):
        with pytest.raises(InputError, match=next(iter(options))):
            cluster_graphs(images, features, **options)
    with pytest.raises(MissingColumnError, match="cluster_id"):
        cluster_graphs(images.drop(columns="cluster_id"), features)
    with pytest.raises(MissingCRSError):
        cluster_graphs(images.set_crs(None, allow_override=True), features)
    with pytest.raises(InputError, match="repeats image ids: p0"):
        cluster_graphs(images, pd.concat([features, features.iloc[[0]]]))
    with pytest.raises(InputError, match="do the image ids of both tables agree"):
        cluster_graphs(images, features.add_prefix("f").set_axis(["x", "y", "z"]))
    images.loc[0, "geometry"] = None
    with pytest.raises(InputError, match="1 images have no geometry"):
        cluster_graphs(images, features)


def test_identity_edges_let_each_photo_hear_itself_only(rng):
    images, features = _photos(rng, [4, 1])
    for graph in cluster_graphs(images, features, edges="identity", normalise="row"):
        assert graph.edge_index.tolist() == [list(range(graph.num_nodes))] * 2
        assert graph.edge_weight.tolist() == [1.0] * graph.num_nodes


def test_random_edges_are_uniform_asymmetric_and_belong_to_their_pair(rng):
    images, features = _photos(rng, [150, 40])
    graphs = cluster_graphs(images, features, edges="random")
    weight = graphs[0].edge_weight.reshape(150, 150)
    assert weight.min() >= 0
    assert weight.max() < 1
    np.testing.assert_allclose(
        weight.quantile(torch.linspace(0.1, 0.9, 9)), np.linspace(0.1, 0.9, 9), atol=0.01
    )
    off = ~torch.eye(150, dtype=torch.bool)
    assert abs(np.corrcoef(weight[off], weight.T[off])[0, 1]) < 0.03
    assert abs(np.corrcoef(weight[:-1].ravel(), weight[1:].ravel())[0, 1]) < 0.03
    other = cluster_graphs(images, features, edges="random", seed=1)[0].edge_weight
    assert abs(np.corrcoef(weight.ravel(), other)[0, 1]) < 0.03
    turned = cluster_graphs(images.iloc[::-1], features, edges="random")[1]
    assert turned.cluster_id == "ia_0"
    torch.testing.assert_close(turned.edge_weight.reshape(150, 150), weight.flip(0, 1))


def test_positions_give_the_graphs_at_them(rng):
    images, features = _photos(rng, [3, 2, 5])
    graphs = cluster_graphs(images, features)[np.array([2, 0, 2])]
    assert [graph.cluster_id for graph in graphs] == ["ia_2", "ia_0", "ia_2"]
