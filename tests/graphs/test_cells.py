import h3
import numpy as np
import pandas as pd
import pytest
import torch

from geolivelihood.cells import cell_names, lonlat_cells, neighbours, parse_cells
from geolivelihood.errors import InputError
from geolivelihood.graphs import cell_graph, cell_graph_data


@pytest.fixture
def cells(rng):
    centre = lonlat_cells([179.95], [10.0], resolution=5)
    return rng.permutation(np.append(neighbours(centre, k=4)[1], centre))


def test_adjacency_is_that_of_h3(cells):
    graph = cell_graph(cells)
    assert (graph != graph.T).nnz == 0
    assert graph.diagonal().sum() == 0
    names = cell_names(cells)
    for i in (0, 17, 40):
        expected = (set(h3.grid_disk(names[i], 1)) - {names[i]}) & set(names)
        assert set(names[graph[[i]].indices]) == expected


def test_rings_and_the_distance_kernel(cells):
    near, far = cell_graph(cells), cell_graph(cells, kind="distance", k=2)
    assert far.nnz > near.nnz
    assert abs(far - far.T).max() < 1e-12
    weight = far.multiply(near).data
    assert weight.min() > np.median(far.data) * 0.9
    wide = cell_graph(cells, kind="distance", bandwidth_km=1e9)
    np.testing.assert_allclose(wide.data, 1)


def test_islands_and_pentagons():
    cells = np.concatenate([parse_cells(h3.get_pentagons(4)[:2]), lonlat_cells([10.0], [10.0], resolution=4)])
    assert cell_graph(cells).nnz == 0
    assert cell_graph(np.empty(0, np.uint64)).shape == (0, 0)


def test_data_joins_features_by_cell(cells):
    features = pd.DataFrame({"a": np.arange(len(cells))[::-1]}, index=cells[::-1]).iloc[1:]
    data = cell_graph_data(cells, features)
    assert torch.isnan(data.x[-1]).all()
    assert data.x[:-1, 0].tolist() == list(range(len(cells) - 1))
    assert data.node_ids == cell_names(cells).tolist()
    assert data.validate()
    graph = cell_graph(cells)
    source, target = data.edge_index.numpy()
    assert graph[target, source].sum() == graph.nnz == data.num_edges


def test_what_is_refused(cells):
    with pytest.raises(InputError, match="adjacency"):
        cell_graph(cells, kind="queen")
    with pytest.raises(InputError, match="repeat"):
        cell_graph(np.append(cells, cells[:1]))
