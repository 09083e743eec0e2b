"""Links between cells, for a fitted map."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from geolivelihood.cells import Tie, cell_centres, cell_names, lonlat_cells, neighbours
from geolivelihood.errors import InputError
from geolivelihood.explanation.graph_edges import EDGE_METHODS, edge_importance
from geolivelihood.graphs import cell_graph, cell_graph_data, place_graph
from geolivelihood.models import CellRegressor


@pytest.fixture(scope="module")
def fitted():
    """A map of 61 cells whose value is their own feature and twice their neighbours' mean."""
    middle = lonlat_cells([30.0], [0.0], resolution=8)
    cells = np.unique(np.concatenate([middle, neighbours(middle, k=4)[1]]))
    features = pd.DataFrame(np.random.default_rng(0).normal(size=(len(cells), 2)), index=cells).astype(
        "float32"
    )
    graph = cell_graph(cells)
    mean = (graph @ features.to_numpy()) / graph.sum(axis=1)[:, None]
    y = features[0].to_numpy() + 2 * mean[:, 0]
    tie = Tie(sparse.csr_array(np.eye(len(cells))), pd.RangeIndex(len(cells)), cells)
    model = CellRegressor(head="linear", hops=1).fit(tie, y, features=features.to_numpy(float), graph=graph)
    near = np.argsort(np.hypot(*(cell_centres(cells) - cell_centres(middle)).T))
    return model, cell_graph_data(cells, features), cells, features, graph, int(near[0])


def test_occlusion_is_the_map_without_the_link(fitted):
    model, data, cells, features, graph, at = fitted
    name = str(cell_names(cells)[at])
    found = edge_importance(model, data, targets=[name])
    assert len(found.edges) == 6 and (found.edges[["source", "target"]] == name).any(axis=1).all()
    before = model.predict_cells(cells, features=features.to_numpy(float), graph=graph).iloc[at]
    names = pd.Index(cell_names(cells))
    for source, target, score in found.edges[["source", "target", "score"]].itertuples(index=False):
        a, b = names.get_indexer([source, target])
        cut = graph.tolil()
        cut[a, b] = cut[b, a] = 0
        rest = sparse.csr_array(cut.tocsr())
        rest.eliminate_zeros()
        after = model.predict_cells(cells, features=features.to_numpy(float), graph=rest).iloc[at]
        assert score == pytest.approx(before - after, abs=1e-5)
    assert found.edges["importance"].max() > 0.1 and found.edges.geom_type.eq("LineString").all()


def test_a_cell_without_pictures(fitted):
    model, data, cells, features, graph, at = fitted
    name = str(cell_names(cells)[at])
    nodes = edge_importance(model, data, targets=[name]).nodes.set_index("node")
    gone = features.to_numpy(float).copy()
    gone[at] = np.nan
    before, after = (
        model.predict_cells(cells, features=table, graph=graph).iloc[at]
        for table in (features.to_numpy(float), gone)
    )
    assert len(nodes) == 7 and nodes.loc[name, "score"] == pytest.approx(before - after, abs=1e-5)


def test_bad_input(fitted):
    model, data, cells, features, *_ = fitted
    for method in EDGE_METHODS[1:]:
        with pytest.raises(InputError, match="Take method='occlusion'"):
            edge_importance(model, data, targets=data.node_ids[:1], method=method)
    ids = [f"p{k}" for k in range(len(cells))]
    tie = Tie(sparse.csr_array(np.eye(len(cells))), pd.Index(ids), cells)
    places = place_graph({"street": (tie, features.set_axis(ids))}, cells)
    other = CellRegressor(head="graph", hidden=4, max_epochs=1, device="cpu")
    other.fit(Tie(tie.matrix, pd.RangeIndex(len(cells)), cells), features[0].to_numpy(float), features=places)
    with pytest.raises(InputError, match="laid out by flat_places"):
        edge_importance(other, data, targets=data.node_ids[:1])
