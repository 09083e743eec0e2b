from __future__ import annotations

import h3
import numpy as np
import pandas as pd
import pytest
import torch
from torch_geometric.nn import SAGEConv, to_hetero

from geolivelihood.cells import Tie, neighbours, parse_cells
from geolivelihood.errors import InputError
from geolivelihood.graphs import (
    cell_graph,
    place_cells,
    place_graph,
    place_means,
    place_neighbours,
    place_sources,
)

CENTRE = parse_cells([h3.latlng_to_cell(0.0, 36.0, 8)])
CELLS = np.unique(np.append(neighbours(CENTRE, k=2)[1], CENTRE))  # 19 cells


@pytest.fixture
def sources(rng):
    photos = Tie.from_arrays([0, 1, 2, 3], CELLS[[4, 4, 7, 9]], np.ones(4), row_ids=list("abcd"))
    photo_features = pd.DataFrame(rng.normal(size=(3, 2)), index=list("cab"), columns=["f", "g"])
    tiles = Tie.from_arrays([0, 0, 1], CELLS[[4, 5, 11]], [0.75, 0.25, 1.0], row_ids=["t", "u"])
    tile_features = pd.DataFrame(rng.normal(size=(2, 3)), index=["t", "u"])
    return {"photos": (photos, photo_features), "tiles": (tiles, tile_features)}


def test_shapes_and_whose_the_edges_are(sources):
    graph = place_graph(sources, CELLS)
    assert graph.validate() and place_sources(graph) == ["photos", "tiles"]
    assert graph["photos"].node_ids == ["a", "b", "c"]  # d has no features
    np.testing.assert_allclose(graph["photos"].x, sources["photos"][1].loc[["a", "b", "c"]], rtol=1e-6)
    assert graph["photos"].columns == ["f", "g"] and graph["tiles"].columns == ["0", "1", "2"]
    assert graph["photos", "in", "cell"].edge_index.tolist() == [[0, 1, 2], [4, 4, 7]]
    assert graph["tiles", "in", "cell"].edge_index.tolist() == [[0, 0, 1], [4, 5, 11]]
    assert graph["tiles", "in", "cell"].edge_weight.tolist() == [0.75, 0.25, 1.0]
    np.testing.assert_array_equal(place_cells(graph), CELLS)
    assert graph["cell"].pos.shape == (19, 2)
    assert (place_neighbours(graph) != cell_graph(CELLS)).nnz == 0


def test_means_per_cell(sources):
    means = place_means(place_graph(sources, CELLS))
    features = sources["photos"][1]
    assert list(means) == ["photos.f", "photos.g", "tiles.0", "tiles.1", "tiles.2"]
    np.testing.assert_allclose(
        means.loc[CELLS[4], "photos.f"], features.loc[["a", "b"], "f"].mean(), rtol=1e-6
    )
    np.testing.assert_allclose(means.loc[CELLS[5]].iloc[2:], sources["tiles"][1].loc["t"], rtol=1e-6)
    assert means.loc[CELLS[5]].iloc[:2].isna().all()
    assert means.notna().any(axis=1).sum() == 4


def test_a_missing_value_of_a_picture_leaves_the_mean_to_the_others(sources):
    tie, features = sources["photos"]
    features.loc["a", "f"] = np.nan
    means = place_means(place_graph({"photos": (tie, features)}, CELLS))
    assert means.loc[CELLS[4], "photos.f"] == pytest.approx(features.loc["b", "f"], rel=1e-6)


def test_pictures_outside_the_cells_and_neighbours(sources):
    graph = place_graph(sources, CELLS[:6], rings=0)
    assert graph["photos"].node_ids == ["a", "b"] and graph["tiles"].node_ids == ["t"]
    assert place_neighbours(graph) is None and len(graph.edge_types) == 2
    assert place_neighbours(place_graph(sources, CELLS, rings=2)).nnz > cell_graph(CELLS).nnz
    near = cell_graph(CELLS, kind="distance")
    assert abs(place_neighbours(place_graph(sources, CELLS, graph=near)) - near).max() < 1e-6
    none = place_graph(sources, CELLS[12:])
    assert none["photos"].x.shape == (0, 2) and place_means(none).isna().to_numpy().all()


def test_torch_geometric_takes_it(sources):
    graph = place_graph(sources, CELLS)
    graph["cell"].x = torch.zeros(19, 1)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = SAGEConv((-1, -1), 4)

        def forward(self, x, edge_index):
            return self.layer(x, edge_index)

    out = to_hetero(Net(), graph.metadata())(graph.x_dict, graph.edge_index_dict)
    assert out["cell"].shape == (19, 4)


def test_bad_sources(sources):
    tie, features = sources["photos"]
    for wrong in ({}, {"cell": (tie, features)}):
        with pytest.raises(InputError, match="at least one source"):
            place_graph(wrong, CELLS)
    with pytest.raises(InputError, match="give the tie of its pictures"):
        place_graph({"photos": (tie, features.to_numpy())}, CELLS)
    with pytest.raises(InputError, match="twice for a"):
        place_graph({"photos": (tie, features.loc[["a", "a"]])}, CELLS)
    with pytest.raises(InputError, match="finite"):
        place_graph({"photos": (tie, features * np.inf)}, CELLS)
    with pytest.raises(InputError, match="numbers"):
        place_graph({"photos": (tie, features.assign(f="x"))}, CELLS)
    with pytest.raises(InputError, match=r"\(3, 3\), but there are 19"):
        place_graph(sources, CELLS, graph=cell_graph(CELLS[:3]))
    with pytest.raises(InputError, match="rings"):
        place_graph(sources, CELLS, rings=-1)
    with pytest.raises(InputError, match="repeat"):
        place_graph(sources, np.append(CELLS, CELLS[:1]))
