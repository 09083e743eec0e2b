"""Links of a place graph: pictures to cells, and cells to cells."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from geolivelihood.cells import Tie, cell_centres, cell_names, lonlat_cells, neighbours
from geolivelihood.errors import InputError
from geolivelihood.explanation.graph_edges import edge_fidelity, edge_importance, flat_places
from geolivelihood.graphs import place_graph
from geolivelihood.models import CellRegressor

CENTRE = lonlat_cells([30.0], [0.0], resolution=8)


def pictures(rng, cells, count, width):
    """Pictures in random cells, whose features tell theirs."""
    at = rng.integers(len(cells), size=count)
    ids = [f"p{k}" for k in range(count)]
    tie = Tie.from_arrays(np.arange(count), cells[at], np.ones(count), row_ids=pd.Index(ids))
    values = rng.normal(size=(count, width)) + np.linspace(-2, 2, len(cells))[at, None]
    return tie.reindex(cells), pd.DataFrame(values.astype("float32"), index=ids), cell_centres(cells)[at]


@pytest.fixture(scope="module")
def fitted():
    """A map of 37 cells from two sources whose pictures are called alike."""
    rng = np.random.default_rng(0)
    cells = np.unique(np.concatenate([CENTRE, neighbours(CENTRE, k=3)[1]]))
    sources = {"street": pictures(rng, cells, 90, 3), "tiles": pictures(rng, cells, 60, 2)}
    places = place_graph({name: made[:2] for name, made in sources.items()}, cells)
    for name, (_, _, lonlat) in sources.items():
        places[name].pos = torch.from_numpy(lonlat)
    y = np.linspace(-2, 2, len(cells)) + rng.normal(size=len(cells)) / 10
    tie = Tie(sparse.csr_array(np.eye(len(cells))), pd.RangeIndex(len(cells)), cells)
    model = CellRegressor(
        head="graph", hops=1, layers=1, hidden=8, max_epochs=15, device="cpu", learning_rate=0.02
    )
    return model.fit(tie, y, features=places), places, str(cell_names(CENTRE)[0])


def without(places, kind, which):
    """The place graph without some links of a kind."""
    rest = copy.copy(places)
    rest[kind].edge_index = places[kind].edge_index[:, ~which]
    rest[kind].edge_weight = places[kind].edge_weight[~which]
    return rest


def at_centre(model, places):
    return model.predict_cells(features=places).loc[CENTRE[0]]


def test_occlusion_is_the_map_without_the_link(fitted):
    model, places, name = fitted
    found = edge_importance(model, flat_places(places), targets=[name]).edges
    whole = at_centre(model, places)
    cells = {str(cell): k for k, cell in enumerate(cell_names(places["cell"].cell.numpy().astype(np.uint64)))}
    near = found[~found["source"].str.contains("/")]
    inside = found[found["source"].str.contains("/")]
    assert len(near) == 6 and set(inside["source"].str.partition("/")[0]) == {"street", "tiles"}
    begin, end = places["cell", "near", "cell"].edge_index
    for source, target, score in near[["source", "target", "score"]].itertuples(index=False):
        a, b = cells[source], cells[target]
        which = ((begin == a) & (end == b)) | ((begin == b) & (end == a))
        rest = without(places, ("cell", "near", "cell"), which)
        assert score == pytest.approx(whole - at_centre(model, rest), abs=1e-4)
    for picture, target, score in inside[["source", "target", "score"]].head(8).itertuples(index=False):
        source, _, image = picture.partition("/")
        begin, end = places[source, "in", "cell"].edge_index
        which = (begin == places[source].node_ids.index(image)) & (end == cells[target])
        rest = without(places, (source, "in", "cell"), which)
        assert which.sum() == 1 and score == pytest.approx(whole - at_centre(model, rest), abs=1e-4)
    assert inside["importance"].max() > 0.01 and found.geom_type.eq("LineString").all()


def test_a_cell_without_its_pictures(fitted):
    model, places, name = fitted
    nodes = edge_importance(model, flat_places(places), targets=[name]).nodes.set_index("node")
    rest, at = places, places["cell"].cell.tolist().index(int(CENTRE[0]))
    for source in ("street", "tiles"):
        kind = (source, "in", "cell")
        rest = without(rest, kind, places[kind].edge_index[1] == at)
    assert nodes.loc[name, "score"] == pytest.approx(
        at_centre(model, places) - at_centre(model, rest), abs=1e-4
    )


def test_the_named_links_carry_the_prediction(fitted):
    model, places, name = fitted
    flat = flat_places(places)
    found = edge_importance(model, flat, targets=[name]).edges
    plus, minus, _ = edge_fidelity(model, flat, found, targets=[name])
    assert minus == pytest.approx(0, abs=1e-5)
    few, _, _ = edge_fidelity(model, flat, found.tail(2), targets=[name])
    assert np.isnan(plus) or plus > few


def test_bad_input(fitted):
    model, places, _ = fitted
    flat = flat_places(places)
    with pytest.raises(InputError, match="street/p0 is a picture"):
        edge_importance(model, flat, targets=["street/p0"])
    bare = copy.copy(places)
    del bare["tiles"].pos
    with pytest.raises(InputError, match="pictures of tiles have no place"):
        flat_places(bare)
