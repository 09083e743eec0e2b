from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from sklearn.base import BaseEstimator, clone

from geolivelihood.errors import InputError
from geolivelihood.models import BoostingClassifier, CrossFitted, ImageRegressor, load, ridge, save
from geolivelihood.models.cross_fitting import linked_places

SMALL = {"size": 32, "max_epochs": 2, "max_pictures": 2, "device": "cpu", "learning_rate": 1e-3}


class Witness(BaseEstimator):
    """An image estimator that remembers: the features of a place are what it knows of it."""

    def __init__(self, log=None):
        self.log = log

    def __sklearn_clone__(self):
        return self

    def fit(self, X, y, sample_weight=None, *, groups=None):
        self.seen_ = {path for paths in X for path in paths}
        self.value_ = dict(zip(map(tuple, X), y))
        self.log.append((list(X), groups))
        return self

    def features(self, X):
        """Whether the place was seen, and whether one of its pictures was."""
        return np.array(
            [[tuple(paths) in self.value_, any(path in self.seen_ for path in paths)] for paths in X], float
        )


@pytest.fixture
def shared():
    """40 places, of which every fourth shares a picture with the next one, and one has none."""
    X = [[f"{place}_a", f"{place}_b"] for place in range(40)]
    for place in range(0, 36, 4):
        X[place + 1].append(f"{place}_a")
    X[39] = []
    return X


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """24 places of one to two flat pictures, brighter where the label is higher."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    X, y = [], np.linspace(0, 1, 24)[random.permutation(24)]
    for place, level in enumerate(y):
        paths = [str(folder / f"{place}_{number}.png") for number in range(1 + place % 2)]
        for path in paths:
            pixels = np.clip(random.normal(40 + 170 * level, 10, (40, 48, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(path)
        X.append(paths)
    return X, y


def test_no_training_feature_comes_from_a_network_that_saw_its_place_or_its_pictures(shared):
    log: list = []
    model = CrossFitted(Witness(log), ridge(), n_splits=5).fit(shared, np.arange(40.0))
    assert model.training_features_.shape == (40, 2)
    assert (model.training_features_ == 0).all()
    assert len(log) == 6
    assert log[-1][0] == shared
    for fold, (seen, _) in enumerate(log[:-1]):
        held = [shared[place] for place in np.flatnonzero(model.fold_ == fold)]
        assert not {path for paths in held for path in paths} & {path for paths in seen for path in paths}
        assert len(seen) + len(held) == 40
    # what is predicted with has seen them all: that is why it may not make the training features
    assert (model.features(shared)[:39] == 1).all()


def test_features_stand_at_their_places(shared):
    class Named(Witness):
        def features(self, X):
            return np.array([[float(paths[0].split("_")[0]) if paths else -1.0] for paths in X])

    model = CrossFitted(Named([]), ridge(), n_splits=3).fit(shared, np.arange(40.0))
    assert model.training_features_[:, 0].tolist() == [*range(39), -1]


def test_blocks_stay_whole_and_weights_reach_both_models(shared):
    log: list = []
    blocks = np.arange(40) // 8

    class Weighed(BaseEstimator):
        def fit(self, X, y, sample_weight=None, *, se=None):
            self.weight_, self.se_ = sample_weight, se
            return self

    model = CrossFitted(Witness(log), Weighed(), n_splits=10)
    model.fit(shared, np.arange(40.0), np.arange(40.0), se=np.ones(40), groups=blocks)
    assert all(len(set(model.fold_[blocks == block])) == 1 for block in range(5))
    assert model.fold_.max() == 4
    assert len(set(log[0][1])) == 4
    np.testing.assert_array_equal(model.estimator_.weight_, np.arange(40.0))
    assert len(model.estimator_.se_) == 40


def test_places_are_linked_through_pictures_and_blocks():
    X = [["a"], ["b", "a"], ["c"], ["b"], [], ["d"]]
    group = linked_places(X)
    assert group[0] == group[1] == group[3]
    assert len(set(group)) == 4
    group = linked_places(X, ["x", "y", "z", "y", "z", "w"])
    assert group[2] == group[4]
    assert len(set(group)) == 3
    assert linked_places([]).tolist() == []


def test_pictures_to_labels(pictures, tmp_path):
    X, y = pictures
    model = CrossFitted(ImageRegressor(**SMALL), ridge(), n_splits=3).fit(X, y)
    found = model.predict([*X, []])
    assert np.isnan(found).tolist() == [False] * 24 + [True]
    assert np.corrcoef(found[:24], y)[0, 1] > 0.7
    again = load(save(model, tmp_path / "model"))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert clone(model).n_splits == 3


def test_classes(shared):
    class Level(Witness):
        def features(self, X):
            return np.array([[float(len(paths)) if paths else np.nan] for paths in X])

    labels = np.where([len(paths) == 3 for paths in shared], "rich", "poor")
    second = BoostingClassifier(max_iter=20, min_samples_leaf=1)
    model = CrossFitted(Level([]), second, n_splits=3).fit(shared, labels)
    assert model.classes_.tolist() == ["poor", "rich"]
    assert (model.predict(shared[:39]) == labels[:39]).all()
    assert np.isnan(model.predict_proba(shared)[39]).all()
    with pytest.raises(InputError, match="1 places have no readable picture"):
        model.predict(shared)


def test_bad_input(shared):
    model = CrossFitted(Witness([]), ridge())
    with pytest.raises(InputError, match="y must have one entry"):
        model.fit(shared, np.arange(39.0))
    with pytest.raises(InputError, match="2 places in 1 groups"):
        model.fit([["a"], ["a", "b"]], [1.0, 2.0])
    with pytest.raises(InputError, match="cannot be split into 1 folds"):
        CrossFitted(Witness([]), ridge(), n_splits=1).fit(shared, np.arange(40.0))
