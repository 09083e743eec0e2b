from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from geolivelihood.cells import lonlat_cells
from geolivelihood.errors import InputError
from geolivelihood.models.propagation import (
    cell_table,
    location_features,
    missing_marks,
    propagate,
    spread_km,
)

# A path of four cells: 0 - 1 - 2 - 3.
PATH = sparse.csr_array(np.array([[0.0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0]]))
NAN = np.nan


def test_hops_are_means_over_neighbours():
    spread = propagate(np.array([[1.0], [2.0], [4.0], [8.0]]), PATH, hops=2)
    np.testing.assert_allclose(spread.table[:, 0], [1, 2, 4, 8])
    np.testing.assert_allclose(spread.table[:, 1], [2, 2.5, 5, 4])
    np.testing.assert_allclose(spread.table[:, 2], [2.5, 3.5, 3.25, 5])
    assert spread.covered.all()
    assert spread.table.shape == (4, 3)


def test_cells_without_features_take_their_neighbours_and_say_so():
    spread = propagate(np.array([[1.0], [NAN], [NAN], [NAN]]), PATH, hops=1)
    assert spread.covered.tolist() == [True, True, False, False]
    np.testing.assert_allclose(spread.table[:, 0], [1, 1, NAN, NAN])
    np.testing.assert_allclose(spread.table[:, 1], [1, 0, 0, 0])
    np.testing.assert_allclose(spread.table[:, 2], [0, 0.5, 0, 0])
    np.testing.assert_allclose(spread.table[:, 3], [NAN, 1, NAN, NAN])


def test_weights_of_the_graph_count():
    graph = sparse.csr_array(np.array([[0.0, 3, 1], [1, 0, 0], [0, 0, 0]]))
    spread = propagate(np.array([[NAN], [1.0], [5.0]]), graph, hops=0)
    assert spread.table[0, 0] == 2.0


def test_sources_missing_apart_are_marked_apart():
    features = np.array([[1.0, 1, NAN], [NAN, NAN, 2], [1, 1, 3], [2, 2, 4]])
    assert missing_marks(features).tolist() == [0, 2]
    assert missing_marks(np.ones((3, 2))).tolist() == []
    assert propagate(features, None, hops=3).table.shape == (4, 5)
    assert propagate(np.ones((4, 3)), PATH, hops=0, marks=np.array([0, 2])).table.shape == (4, 7)


def test_tables_are_joined_by_cell():
    cells = lonlat_cells([10.0, 20.0, 30.0], [0.0, 0, 0], resolution=4)
    frame = pd.DataFrame({"f": [3.0, 1.0]}, index=pd.Index(cells[[2, 0]], name="cell"))
    np.testing.assert_allclose(cell_table(frame, cells)[:, 0], [1, NAN, 3])
    with pytest.raises(InputError, match="3 cells but 2 rows"):
        cell_table(np.zeros((2, 1)), cells)


def test_location_features_change_smoothly_across_the_antimeridian():
    cells = lonlat_cells([179.99, -179.99, 170.0], [0.0, 0, 0], resolution=6)
    place = location_features(cells, count=50, length_km=500, seed=0)
    assert place.shape == (3, 50)
    assert np.abs(place[0] - place[1]).max() < 0.05
    assert np.abs(place[0] - place[2]).max() > 0.5
    np.testing.assert_array_equal(place, location_features(cells, count=50, length_km=500, seed=0))
    assert location_features(cells, count=0, length_km=500, seed=0).shape == (3, 0)


def test_spread_is_the_distance_from_the_middle():
    cells = lonlat_cells([-1.0, 1.0], [0.0, 0.0], resolution=9)
    assert spread_km(cells) == pytest.approx(111.2, abs=0.5)
    assert spread_km(cells[:1]) == 1.0


def test_bad_graphs_and_options():
    with pytest.raises(InputError, match=r"\(4, 4\), but there are 3 cells"):
        propagate(np.ones((3, 1)), PATH, hops=1)
    with pytest.raises(InputError, match="sparse array, not a ndarray"):
        propagate(np.ones((4, 1)), PATH.toarray(), hops=1)
    with pytest.raises(InputError, match="not negative"):
        propagate(np.ones((4, 1)), -1 * PATH, hops=1)
    with pytest.raises(InputError, match="hops"):
        propagate(np.ones((4, 1)), PATH, hops=-1)
    with pytest.raises(InputError, match="location_km"):
        location_features(np.array([], dtype=np.uint64), count=3, length_km=0, seed=0)
