from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch_geometric.data import Data

from geolivelihood.cells import Tie, lonlat_cells
from geolivelihood.errors import Cancelled, InputError
from geolivelihood.models import (
    BlockEnsemble,
    BoostingClassifier,
    BoostingRegressor,
    CellRegressor,
    GaussianProcess,
    GeodesicKNN,
    GraphRegressor,
    ImageRegressor,
    InverseDistance,
    MajorityClassifier,
    MeanRegressor,
    RidgeRegressor,
)
from geolivelihood.progress import listening

ROWS = 60
BLOCKS = np.repeat(np.arange(12), 5)
QUICK = {"max_epochs": 1, "device": "cpu"}


class Witness(RegressorMixin, BaseEstimator):
    """Remembers what it was fitted with; predicts its seed."""

    def __init__(self, *, random_state=None):
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None, *, se=None, groups=None, features=None):
        self.seen_ = {"X": X, "y": y, "w": sample_weight, "se": se, "groups": groups, "features": features}
        return self

    def predict(self, X):
        return np.full(len(X), float(self.random_state))


def make(kind, folder, rng):
    """A small X and fit options for each kind of estimator."""
    table = rng.normal(size=(ROWS, 3))
    if kind == "table":
        return table, {}
    if kind == "frame":
        return pd.DataFrame(table, index=[f"c{i}" for i in range(ROWS)]), {}
    if kind == "points":
        return rng.uniform(-10, 10, (ROWS, 2)), {}
    if kind == "graphs":
        edges = torch.tensor([[0, 1], [1, 0]])
        x = torch.tensor(rng.normal(size=(ROWS, 2, 3)), dtype=torch.float32)
        return [Data(x=nodes, edge_index=edges) for nodes in x], {}
    if kind == "tie":
        cells = lonlat_cells(np.arange(ROWS) / 2.0, np.zeros(ROWS), resolution=5)
        tie = Tie.from_arrays(np.arange(ROWS), cells, np.ones(ROWS), row_ids=range(ROWS))
        return tie, {"features": table, "se": rng.uniform(0.1, 0.3, ROWS)}
    pixels = rng.integers(0, 255, (ROWS, 16, 16, 3), dtype=np.uint8)
    paths = [[str(folder / f"{number}.png")] for number in range(ROWS)]
    for (path,), picture in zip(paths, pixels):
        Image.fromarray(picture).save(path)
    return paths, {}


ESTIMATORS = [
    (MeanRegressor(), "table"),
    (MajorityClassifier(), "table"),
    (GeodesicKNN(), "points"),
    (InverseDistance(), "points"),
    (GaussianProcess(), "points"),
    (RidgeRegressor(), "frame"),
    (BoostingRegressor(max_iter=5), "table"),
    (BoostingClassifier(max_iter=5), "table"),
    (GraphRegressor(**QUICK), "graphs"),
    (CellRegressor(head="linear", location=4), "tie"),
    (CellRegressor(head="mlp", **QUICK), "tie"),
    (ImageRegressor(size=32, freeze=True, batch_size=30, **QUICK), "pictures"),
    (KNeighborsRegressor(3), "table"),
    (make_pipeline(StandardScaler(), KNeighborsRegressor(3)), "frame"),
]


@pytest.mark.parametrize(("model", "kind"), ESTIMATORS, ids=lambda value: type(value).__name__)
def test_every_estimator_is_refitted(model, kind, tmp_path, rng):
    X, options = make(kind, tmp_path, rng)
    y = rng.normal(size=ROWS) + BLOCKS
    if hasattr(model, "predict_proba"):
        y = np.where(np.arange(ROWS) % 2 > 0, "rich", "poor")
    ensemble = BlockEnsemble(model, n_draws=2).fit(X, y, groups=BLOCKS, **options)
    plain = clone(model)
    passed = {"groups": BLOCKS} if "groups" in plain.fit.__code__.co_varnames else {}
    plain.fit(X, y, **options, **passed)
    np.testing.assert_array_equal(ensemble.predict(X), plain.predict(X))
    drawn = ensemble.draws(lambda member: member.predict(X))
    assert drawn.shape == (2, ROWS)
    if not hasattr(model, "predict_proba"):
        assert np.isfinite(drawn).all()
        assert (ensemble.std(predict=lambda member: member.predict(X)) > 0).any()


def test_the_map_has_draws_for_every_cell(tmp_path, rng):
    tie, options = make("tie", tmp_path, rng)
    model = BlockEnsemble(CellRegressor(head="linear"), n_draws=3)
    model.fit(tie, rng.normal(size=ROWS), groups=BLOCKS, **options)
    drawn = model.draws(lambda member: member.predict_cells())
    assert drawn.shape == (3, len(tie.cells))
    np.testing.assert_allclose(
        model.std(lambda member: member.predict_cells()), drawn.std(axis=0, ddof=1), rtol=1e-12
    )


def test_everything_per_row_is_cut_to_whole_blocks(rng):
    X, w, se = np.arange(ROWS)[:, None], rng.uniform(1, 2, ROWS), rng.uniform(0, 1, ROWS)
    features = object()
    ensemble = BlockEnsemble(Witness(), n_draws=8)
    ensemble.fit(X, np.arange(ROWS) * 10.0, w, groups=BLOCKS, se=se, features=features)
    whole = ensemble.estimator_.seen_
    np.testing.assert_array_equal(whole["w"], w)
    np.testing.assert_array_equal(whole["groups"], BLOCKS)
    for member in ensemble.draws_:
        seen = member.seen_
        rows = seen["X"][:, 0]
        np.testing.assert_array_equal(seen["y"], rows * 10)
        np.testing.assert_array_equal(seen["se"], se[rows])
        np.testing.assert_array_equal(seen["groups"], BLOCKS[rows])
        assert seen["features"] is features
        times = seen["w"] / w[rows]
        assert times.sum() == pytest.approx(ROWS)  # as many blocks as there are, and all are of one size
        by_block = pd.Series(times.round(9)).groupby(BLOCKS[rows]).agg(["size", "nunique"])
        assert (by_block["size"] == 5).all()
        assert (by_block["nunique"] == 1).all()


def test_rows_are_repeated_where_weights_are_not_taken(rng):
    class Plain(Witness):
        def fit(self, X, y):
            return super().fit(X, y)

    ensemble = BlockEnsemble(Plain(), n_draws=4).fit(np.arange(ROWS)[:, None], np.zeros(ROWS), groups=BLOCKS)
    for member in ensemble.draws_:
        counts = np.bincount(member.seen_["X"][:, 0], minlength=ROWS).reshape(12, 5)
        assert counts.sum() == ROWS
        assert (counts == counts[:, :1]).all()
        assert counts.max() > 1


def test_seeds_differ_and_repeat(rng):
    X, y = rng.normal(size=(ROWS, 2)), rng.normal(size=ROWS)

    def seeds(**options):
        fitted = BlockEnsemble(Witness(random_state=7), n_draws=6, **options).fit(X, y, groups=BLOCKS)
        assert fitted.estimator_.random_state == 7
        return fitted.draws(lambda member: member.predict(X[:1]))[:, 0].tolist()

    assert len(set(seeds())) == 6
    assert seeds() == seeds()
    assert seeds() != seeds(random_state=1)
    nested = BlockEnsemble(make_pipeline(StandardScaler(), BoostingRegressor(max_iter=2)), n_draws=2)
    nested.fit(X, y, groups=BLOCKS)
    assert len({member[-1].random_state for member in nested.draws_}) == 2


def test_spread_is_that_of_blocks_not_of_rows(rng):
    blocks = np.repeat(np.arange(60), 10)
    y = rng.normal(size=60)[blocks] + 0.1 * rng.normal(size=600)

    def spread(groups):
        fitted = BlockEnsemble(MeanRegressor(), n_draws=300).fit(np.zeros((600, 1)), y, groups=groups)
        return fitted.std(lambda member: member.predict(np.zeros(1)))[0]

    means = y.reshape(60, 10).mean(axis=1)
    assert spread(blocks) == pytest.approx(means.std() / np.sqrt(60), rel=0.15)
    assert spread(np.arange(600)) < spread(blocks) / 2


def test_several_targets_stay_together(rng):
    y = rng.normal(size=(ROWS, 2))
    ensemble = BlockEnsemble(KNeighborsRegressor(2), n_draws=3).fit(y, y, groups=BLOCKS)
    assert ensemble.draws(lambda member: member.predict(y)).shape == (3, ROWS, 2)


def test_progress_is_reported_and_can_be_stopped(rng):
    class Listener:
        steps = 0

        def stage(self, name): ...

        def step(self, done, total, text):
            self.steps, self.total = done, total

        def cancelled(self):
            return self.steps >= 2

    X, y, listener = rng.normal(size=(ROWS, 2)), rng.normal(size=ROWS), Listener()
    with listening(listener), pytest.raises(Cancelled):
        BlockEnsemble(MeanRegressor(), n_draws=5).fit(X, y, groups=BLOCKS)
    assert (listener.steps, listener.total) == (2, 5)


def test_few_blocks_are_said(rng):
    X, y = rng.normal(size=(4, 2)), rng.normal(size=4)
    with pytest.warns(UserWarning, match="2 blocks are few"):
        fitted = BlockEnsemble(RidgeRegressor(), n_draws=20).fit(X, y, groups=["a", "a", "b", "b"])
    assert len(fitted.draws_) == 20
    with pytest.warns(UserWarning, match="are few"):
        BlockEnsemble(RidgeRegressor(), n_draws=20).fit(X, y, groups=range(4))


def test_bad_input_is_refused(rng):
    X, y = rng.normal(size=(ROWS, 2)), rng.normal(size=ROWS)
    with pytest.raises(InputError, match="1 blocks cannot be resampled"):
        BlockEnsemble(MeanRegressor()).fit(X, y, groups=np.zeros(ROWS))
    with pytest.raises(InputError, match=r"1 rows have no block \(first: row 3\)"):
        BlockEnsemble(MeanRegressor()).fit(X, y, groups=np.where(np.arange(ROWS) == 3, np.nan, BLOCKS))
    with pytest.raises(InputError, match="groups has shape"):
        BlockEnsemble(MeanRegressor()).fit(X, y, groups=BLOCKS[:-1])
    with pytest.raises(InputError, match="y has shape"):
        BlockEnsemble(MeanRegressor()).fit(X, y[:-1], groups=BLOCKS)
    with pytest.raises(InputError, match="n_draws=1"):
        BlockEnsemble(MeanRegressor(), n_draws=1).fit(X, y, groups=BLOCKS)
    with pytest.raises(InputError, match="MeanRegressor takes no se"):
        BlockEnsemble(MeanRegressor()).fit(X, y, groups=BLOCKS, se=np.ones(ROWS))
    with pytest.raises(InputError, match="KNeighborsRegressor takes no sample_weight"):
        BlockEnsemble(KNeighborsRegressor()).fit(X, y, np.ones(ROWS), groups=BLOCKS)
    with pytest.raises(NotFittedError):
        BlockEnsemble(MeanRegressor()).predict(X)
    copy = clone(BlockEnsemble(RidgeRegressor(alphas=[1.0]), n_draws=3, random_state=4))
    assert copy.get_params()["estimator__alphas"] == [1.0]


def test_every_resample_has_two_labels_of_every_target():
    y = np.random.default_rng(0).normal(size=(ROWS, 2))
    y[(BLOCKS > 1), 1] = np.nan  # known in two of twelve blocks, which a resample misses one time in ten
    ensemble = BlockEnsemble(Witness(), n_draws=40).fit(np.zeros((ROWS, 1)), y, groups=BLOCKS)
    assert min(np.isfinite(member.seen_["y"][:, 1]).sum() for member in ensemble.draws_) >= 2
