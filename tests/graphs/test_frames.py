import numpy as np
import pandas as pd
import pytest
import shapely
import torch
from torch_geometric.data import Data

from geolivelihood.cells import lonlat_cells, neighbours
from geolivelihood.errors import InputError
from geolivelihood.graphs import cell_graph_data, edges_frame, link_lines, nodes_frame


@pytest.fixture
def data():
    return Data(
        x=torch.zeros(3, 2),
        edge_index=torch.tensor([[0, 1, 0, 2, 1], [1, 0, 0, 1, 2]]),
        edge_weight=torch.tensor([0.5, 0.25, 1.0, 0.75, 0.1]),
        pos=torch.tensor([[179.0, 0.0], [-179.0, 2.0], [-178.0, 2.0]], dtype=torch.float64),
        node_ids=["a", "b", "c"],
        cluster_id="ke_1",
        attention=torch.tensor([0.1, 0.2, 0.7]),
    )


def test_nodes_come_back_as_points(data):
    frame = nodes_frame(data)
    assert frame.crs == "EPSG:4326"
    assert frame["node_id"].tolist() == ["a", "b", "c"]
    assert set(frame["cluster_id"]) == {"ke_1"}
    np.testing.assert_allclose(frame["attention"], [0.1, 0.2, 0.7], rtol=1e-6)
    np.testing.assert_allclose(frame.get_coordinates(), data.pos.numpy())


def test_edges_come_back_as_lines_cut_at_the_antimeridian(data):
    frame = edges_frame(data)
    assert frame[["source", "target"]].to_numpy().tolist() == [["a", "b"], ["c", "b"]]
    np.testing.assert_allclose(frame["weight"], [0.5, 0.75])
    assert frame.geom_type.tolist() == ["MultiLineString", "LineString"]
    expected = shapely.MultiLineString([[(179, 0), (180, 1)], [(-180, 1), (-179, 2)]])
    assert frame.geometry.iloc[0].equals(expected)
    assert frame["distance_m"].iloc[1] == pytest.approx(111_127, rel=1e-3)
    assert len(edges_frame(data, both_ways=True)) == 4


def test_lines_both_ways_round_the_antimeridian():
    points = [[-179.0, 2.0], [179.0, 0.0], [180.0, 5.0]]
    lines = link_lines(points, [0, 0], [1, 2])
    assert lines.geometry.iloc[0].equals(
        shapely.MultiLineString([[(-179, 2), (-180, 1)], [(180, 1), (179, 0)]])
    )
    assert lines.total_bounds[2] == 180
    assert lines.geometry.iloc[1].length == pytest.approx(np.hypot(1, 3))
    assert len(link_lines(points, [], [])) == 0


def test_cells_and_back(rng):
    centre = lonlat_cells([10.0], [10.0], resolution=5)
    cells = np.append(centre, neighbours(centre)[1])
    data = cell_graph_data(cells, pd.DataFrame({"a": 1.0}, index=cells))
    frame = edges_frame(data)
    assert len(frame) == 12
    assert frame["distance_m"].between(10_000, 25_000).all()
    assert len(nodes_frame(data)) == 7


def test_a_graph_without_positions_or_names(data):
    del data.pos
    with pytest.raises(InputError, match="no pos"):
        nodes_frame(data)
    bare = Data(edge_index=torch.tensor([[0], [1]]), pos=torch.zeros(2, 2), num_nodes=2)
    assert edges_frame(bare)["target"].tolist() == [1]
