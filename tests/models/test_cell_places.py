"""The cell model on a place graph: pictures in cells, cells beside cells."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from geolivelihood.cells import Tie, cell_centres, lonlat_cells
from geolivelihood.errors import InputError
from geolivelihood.graphs import cell_graph, place_cells, place_graph, place_means, place_neighbours
from geolivelihood.models import CellRegressor, load, save

QUICK = {"max_epochs": 3, "device": "cpu", "hidden": 16}


def score(y, prediction):
    return 1 - ((y - prediction) ** 2).mean() / y.var()


def road(count):
    """Cells in a row, each beside the one before."""
    return pd.unique(lonlat_cells(np.linspace(0, 1, 999), np.zeros(999), resolution=8))[:count]


class Town:
    """A block of cells, photos in some of them, tiles in others, clusters that may lie in two cells each."""

    def __init__(self, *, side=14, photos=500, clusters=150, seed=0):
        random = np.random.default_rng(seed)
        at = np.linspace(0, 0.14, side)
        self.cells = np.unique(lonlat_cells(*np.meshgrid(at, at), resolution=8).ravel())
        n = len(self.cells)
        self.shown = np.flatnonzero(cell_centres(self.cells)[:, 0] < 0.1)
        self.level = random.normal(size=n)
        inside = random.choice(self.shown, photos)
        ids = [f"p{i}" for i in range(photos)]
        self.photos = Tie.from_arrays(np.arange(photos), self.cells[inside], np.ones(photos), row_ids=ids)
        values = np.column_stack([self.level[inside], random.normal(size=(photos, 2))]).astype(np.float32)
        self.photo_features = pd.DataFrame(values, index=ids)
        tiles = random.choice(self.shown, 40, replace=False)
        self.tiles = Tie.from_arrays(
            np.repeat(np.arange(20), 2), self.cells[tiles], [0.7, 0.3] * 20, row_ids=range(20)
        )
        self.tile_features = pd.DataFrame(random.normal(size=(20, 2)).astype(np.float32))
        pairs = random.choice(np.unique(inside), (clusters, 2))
        rows = np.repeat(np.arange(clusters), 2)
        self.tie = Tie.from_arrays(
            rows, self.cells[pairs.ravel()], np.full(2 * clusters, 0.5), row_ids=range(clusters)
        )
        self.y = self.tie.reindex(self.cells) @ self.level
        self.graph = self.place_graph()

    def place_graph(self, **options):
        sources = {
            "photos": (self.photos, self.photo_features),
            "tiles": (self.tiles, self.tile_features),
        }
        return place_graph(sources, self.cells, **options)


@pytest.fixture(scope="module")
def town():
    return Town()


@pytest.mark.parametrize("head", ["linear", "mlp"])
@pytest.mark.parametrize("rings", [0, 1])
def test_other_heads_see_the_table_of_means_and_nothing_else(head, rings, town):
    """The same to the last bit: photos weigh 1 and tiles are averaged as the graph's weights say."""
    graph = town.place_graph(rings=rings)
    model = CellRegressor(head=head, location=4, **QUICK).fit(town.tie, town.y, features=graph)
    tie = town.tie.reindex(town.cells)
    near = cell_graph(town.cells) if rings else None
    table = CellRegressor(head=head, location=4, **QUICK).fit(
        tie, town.y, features=place_means(graph).to_numpy(), graph=near
    )
    np.testing.assert_array_equal(model.predict_cells(), table.predict_cells())
    np.testing.assert_array_equal(model.predict(town.tie), table.predict(tie))
    np.testing.assert_array_equal(
        model.design(features=graph), table.design(features=place_means(graph), graph=near)
    )


def test_means_are_those_made_from_the_pictures_directly(town):
    means = place_means(town.graph)
    for name, tie, features in (
        ("photos", town.photos, town.photo_features),
        ("tiles", town.tiles, town.tile_features),
    ):
        tie = tie.reindex(town.cells)
        weight = np.asarray(tie.T.sum(axis=1))
        expected = (tie.T @ features.to_numpy(float))[weight > 0] / weight[weight > 0][:, None]
        np.testing.assert_allclose(means.filter(like=name)[weight > 0], expected, rtol=1e-6)


@pytest.mark.parametrize("head", ["linear", "mlp", "graph"])
def test_cells_with_pictures_and_their_neighbours_are_predicted(head, town):
    model = CellRegressor(head=head, **QUICK).fit(town.tie, town.y, features=town.graph)
    shown = place_means(town.graph).notna().any(axis=1).to_numpy()
    beside = (place_neighbours(town.graph) @ shown.astype(float)) > 0
    predicted = model.predict_cells()
    np.testing.assert_array_equal(predicted.index, place_cells(town.graph))
    np.testing.assert_array_equal(predicted.notna(), shown | beside)
    assert (~(shown | beside)).sum() > 0 and (beside & ~shown).any()


def test_the_graph_head_starts_at_the_linear_solution(town):
    """A learning rate of nearly nothing leaves it there, whatever its other weights are."""
    still = CellRegressor(head="graph", learning_rate=1e-12, **QUICK).fit(
        town.tie, town.y, features=town.graph
    )
    design = still.design(features=town.graph).to_numpy()
    linear = still.target_scale_.restore(still.solution_.predict(design))
    np.testing.assert_allclose(still.predict_cells(), linear, atol=1e-5)
    assert still.history_.best_epoch <= 3


def test_single_pictures_tell_what_their_mean_does_not(rng):
    """Half of the photos are +a, half −a: the mean is always 0, the mean of |a| is the label."""
    at = np.linspace(0, 0.2, 20)
    cells = np.unique(lonlat_cells(*np.meshgrid(at, at), resolution=8).ravel())
    n = len(cells)
    level = rng.uniform(0, 2, n)
    values = np.concatenate([level, -level])[:, None]
    photos = Tie.from_arrays(
        np.arange(2 * n), np.concatenate([cells, cells]), np.ones(2 * n), row_ids=range(2 * n)
    )
    graph = place_graph({"photos": (photos, pd.DataFrame(values))}, cells)
    tie = Tie.from_arrays(np.arange(n), cells, np.ones(n), row_ids=range(n))
    rows = rng.permutation(n)
    fit, test = rows[: n // 2], rows[n // 2 :]
    options = {"hidden": 32, "learning_rate": 0.01, "max_epochs": 80, "batch_size": 64, "hops": 0}
    scores = {
        head: score(
            level[test],
            CellRegressor(head=head, device="cpu", **options)
            .fit(tie[fit], level[fit], features=graph)
            .predict(tie[test]),
        )
        for head in ("linear", "mlp", "graph")
    }
    assert max(scores["linear"], scores["mlp"]) < 0.1
    assert scores["graph"] > 0.9


def test_neighbours_tell_what_the_cell_does_not(rng):
    """The label is the mean of |level| around, which no mean of levels holds."""
    at = np.linspace(0, 0.25, 26)
    cells = np.unique(lonlat_cells(*np.meshgrid(at, at), resolution=8).ravel())
    n = len(cells)
    level = rng.normal(size=n)
    photos = Tie.from_arrays(np.arange(n), cells, np.ones(n), row_ids=range(n))
    near = cell_graph(cells)
    y = (near @ np.abs(level)) / np.maximum(near.sum(axis=1), 1)
    graph = place_graph({"photos": (photos, pd.DataFrame(level[:, None]))}, cells)
    tie = Tie.from_arrays(np.arange(n), cells, np.ones(n), row_ids=range(n))
    rows = rng.permutation(n)
    fit, test = rows[: n // 2], rows[n // 2 :]
    options = {"hidden": 32, "learning_rate": 0.01, "max_epochs": 80, "batch_size": 64, "device": "cpu"}
    learned = [
        score(
            y[test],
            CellRegressor(head="graph", layers=layers, **options)
            .fit(tie[fit], y[fit], features=graph)
            .predict(tie[test]),
        )
        for layers in (0, 1)
    ]
    assert learned[0] < 0.3 < 0.6 < learned[1]


def test_same_seed_same_map_and_saving_keeps_it(town, tmp_path):
    model = CellRegressor(head="graph", **QUICK).fit(town.tie, town.y, features=town.graph)
    again = clone(model).fit(town.tie, town.y, features=town.graph)
    np.testing.assert_array_equal(again.predict_cells(), model.predict_cells())
    loaded = load(save(model, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict(town.tie), model.predict(town.tie))
    np.testing.assert_array_equal(
        loaded.predict_cells(features=town.graph), model.predict_cells(features=town.graph)
    )
    np.testing.assert_array_equal(loaded.feature_weights_, model.feature_weights_)


def test_other_places_with_their_own_pictures(town):
    model = CellRegressor(head="graph", **QUICK).fit(town.tie, town.y, features=town.graph)
    known = model.predict_cells()
    np.testing.assert_allclose(model.predict_cells(features=town.graph), known, rtol=1e-6)
    np.testing.assert_allclose(
        model.predict(town.tie, features=town.graph), model.predict(town.tie), rtol=1e-6
    )
    elsewhere = lonlat_cells([10.0], [10.0], resolution=8)
    asked = np.append(elsewhere, town.cells[:3])
    some = model.predict_cells(asked, features=town.graph)
    assert np.isnan(some.loc[elsewhere[0]])
    np.testing.assert_allclose(some.to_numpy()[1:], known.loc[town.cells[:3]], rtol=1e-6)
    nobody = place_graph(
        {"photos": (town.photos, town.photo_features), "tiles": (town.tiles, town.tile_features)}, elsewhere
    )
    assert model.predict_cells(features=nobody).isna().all()


def test_several_targets_share_a_network(town, rng):
    y = np.column_stack([town.y, 50 - 20 * town.y])
    y[rng.random(len(y)) < 0.3, 1] = np.nan
    model = CellRegressor(head="graph", **QUICK).fit(town.tie, y, features=town.graph)
    assert model.predict(town.tie).shape == y.shape
    assert score(town.y, model.predict(town.tie)[:, 0]) > 0.7
    assert score(50 - 20 * town.y, model.predict(town.tie)[:, 1]) > 0.7


@pytest.mark.parametrize("head", ["linear", "graph"])
def test_odd_amounts_of_pictures(head, caplog):
    """5,000 photos in one cell, one in another, and clusters that no photo is near."""
    cells = road(40)
    random = np.random.default_rng(0)
    inside = np.concatenate([np.full(5000, 3), np.arange(4, 15), [20]])
    photos = Tie.from_arrays(
        np.arange(len(inside)), cells[inside], np.ones(len(inside)), row_ids=range(len(inside))
    )
    features = pd.DataFrame(random.normal(size=(len(inside), 4)))
    graph = place_graph({"photos": (photos, features)}, cells)
    tie = Tie.from_arrays(np.arange(30), cells[:30], np.ones(30), row_ids=range(30))
    with caplog.at_level(logging.WARNING):
        model = CellRegressor(head=head, **QUICK).fit(tie, np.arange(30.0), features=graph)
    assert model.dropped_ == [0, 1, 16, 17, 18, *range(22, 30)] and "not trained on" in caplog.text
    prediction = model.predict(tie)
    assert np.isfinite(prediction[[3, 4, 20]]).all() and np.isnan(prediction[29])
    constant = CellRegressor(head=head, **QUICK).fit(tie, np.full(30, 2.0), features=graph)
    np.testing.assert_allclose(constant.predict(tie)[2:16], 2.0, atol=0.05)


def test_a_single_photo_is_enough_for_a_map_of_one_value():
    cells = road(12)
    photo = Tie.from_arrays([0], cells[[4]], [1.0], row_ids=["one"])
    graph = place_graph({"photos": (photo, pd.DataFrame({"f": [3.0]}, index=["one"]))}, cells)
    tie = Tie.from_arrays([0, 1, 2], cells[[4, 4, 4]], np.ones(3), row_ids=range(3), columns=cells)
    for head in ("linear", "mlp", "graph"):
        model = CellRegressor(head=head, **QUICK).fit(tie, [1.0, 2.0, 3.0], features=graph)
        np.testing.assert_allclose(model.predict_cells().dropna(), 2.0, atol=0.1)
        assert model.predict_cells().notna().sum() == 3


def test_faults_say_what_to_do(town):
    with pytest.raises(InputError, match="learns from a place graph"):
        CellRegressor(head="graph").fit(town.tie, town.y, features=place_means(town.graph))
    with pytest.raises(InputError, match="brings its own cell graph"):
        CellRegressor().fit(town.tie, town.y, features=town.graph, graph=cell_graph(town.cells))
    sources = {"photos": (town.photos, town.photo_features)}
    with pytest.raises(InputError, match=r"may lie in \d+ cells that the place graph does not have"):
        CellRegressor().fit(town.tie, town.y, features=place_graph(sources, town.cells[:50]))
    model = CellRegressor(head="graph", **QUICK).fit(town.tie, town.y, features=town.graph)
    with pytest.raises(InputError, match="learns from a place graph"):
        model.predict_cells(town.cells, features=place_means(town.graph), graph=cell_graph(town.cells))
    renamed = {"street": sources["photos"], "tiles": (town.tiles, town.tile_features)}
    with pytest.raises(InputError, match="fitted to the sources"):
        model.predict_cells(features=place_graph(renamed, town.cells))
    with pytest.raises(InputError, match="3 features but the model was fitted with 5"):
        model.predict_cells(features=place_graph(sources, town.cells))
    with pytest.raises(InputError, match="layers"):
        CellRegressor(head="graph", layers=-1).fit(town.tie, town.y, features=town.graph)
