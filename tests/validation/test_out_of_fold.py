import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsRegressor

from geolivelihood.cells import Tie
from geolivelihood.errors import InputError
from geolivelihood.validation import BlockKFold, RandomKFold, out_of_fold, regression_scores
from geolivelihood.validation.distances import unit_vectors


class Rows(RegressorMixin, BaseEstimator):
    """Predicts the number of training rows plus a bonus; takes whatever can be counted."""

    def fit(self, X, y, *, bonus=0.0, sample_weight=None):
        size = X.matrix.shape[0] if isinstance(X, Tie) else len(X)
        assert size == len(y)
        assert np.isfinite(y).all()
        assert sample_weight is None or len(sample_weight) == size
        self.value_ = size + bonus
        return self

    def predict(self, X):
        return np.full(X.matrix.shape[0] if isinstance(X, Tie) else len(X), self.value_)


@pytest.fixture
def x(rng):
    return rng.normal(size=(20, 3))


def kinds(x):
    frame = pd.DataFrame(x, index=[f"r{i}" for i in range(len(x))])
    points = gpd.points_from_xy(x[:, 0], x[:, 1])
    return {
        "ndarray": x,
        "DataFrame": frame,
        "GeoDataFrame": gpd.GeoDataFrame(frame, geometry=points, crs="EPSG:4326"),
        "list": [list(row) for row in x],
        "Tie": Tie(
            sparse.csr_array(np.abs(x)),
            pd.Index(frame.index),
            np.arange(599000000, 599000003, dtype=np.uint64),
        ),
    }


@pytest.mark.parametrize("kind", ["ndarray", "DataFrame", "GeoDataFrame", "list", "Tie"])
def test_any_rows_will_do(x, kind):
    y = np.arange(20.0)
    found = out_of_fold(
        Rows(),
        kinds(x)[kind],
        y,
        RandomKFold(4).split(x),
        sample_weight=np.ones(20),
        fit_params={"bonus": 0.5},
    )
    np.testing.assert_array_equal(found.prediction, 15.5)
    assert np.bincount(found.fold).tolist() == [5, 5, 5, 5]


def test_predictions_are_those_of_a_model_that_did_not_see_the_row(x):
    y = x @ [1.0, 2, 3] + 1
    splits = list(RandomKFold(5).split(x))
    found = out_of_fold(LinearRegression(), x, y, splits)
    np.testing.assert_allclose(found.prediction, y)
    train, test = splits[2]
    nearest = out_of_fold(KNeighborsRegressor(1), x, y, splits).prediction[test]
    np.testing.assert_allclose(nearest, KNeighborsRegressor(1).fit(x[train], y[train]).predict(x[test]))
    assert (found.fold[test] == 2).all()


def test_rows_without_label_are_predicted_but_not_learned_from(x):
    y = np.arange(20.0)
    y[:6] = np.nan
    found = out_of_fold(
        Rows(), x, y, [(np.arange(10), np.arange(10, 20)), (np.arange(10, 20), np.arange(10))]
    )
    np.testing.assert_array_equal(found.prediction, np.repeat([10, 4], 10))


def test_untested_rows_stay_nan(x):
    found = out_of_fold(Rows(), x, np.zeros(20), [(np.arange(10), np.arange(10, 15))])
    assert np.isnan(found.prediction[:10]).all()
    assert found.fold.tolist() == [-1] * 10 + [0] * 5 + [-1] * 5


def test_classes_keep_their_names_and_probabilities_their_columns(x):
    y = np.array(["a", "b", "c", "b"])[np.arange(20) % 4]
    folds = list(RandomKFold(4, random_state=1).split(x))
    found = out_of_fold(LogisticRegression(), x, y, folds)
    assert set(found.prediction) <= {"a", "b", "c"}
    proba = out_of_fold(LogisticRegression(), x, y, folds, method="predict_proba")
    assert proba.prediction.shape == (20, 3)
    np.testing.assert_allclose(proba.prediction.sum(axis=1), 1)
    no_c = [(np.flatnonzero(y != "c"), np.flatnonzero(y == "c"))]
    lacking = out_of_fold(LogisticRegression(), x, y, no_c, method="predict_proba").prediction
    assert (lacking[y == "c", 2] == 0).all()
    assert np.isnan(lacking[y != "c"]).all()
    partly = out_of_fold(LogisticRegression(), x, y, no_c).prediction
    assert partly[0] is None


def test_leaks_and_other_faults_are_refused(x):
    y = np.zeros(20)
    with pytest.raises(InputError, match="trains on 1 rows that it tests"):
        out_of_fold(Rows(), x, y, [([0, 1, 2], [2, 3])])
    with pytest.raises(InputError, match="a second time"):
        out_of_fold(Rows(), x, y, [([0, 1], [2, 3]), ([0, 1], [3])])
    with pytest.raises(InputError, match="no training row with a label"):
        out_of_fold(Rows(), x, np.full(20, np.nan), [([0, 1], [2, 3])])
    with pytest.raises(InputError, match="splits is empty"):
        out_of_fold(Rows(), x, y, [])
    with pytest.raises(InputError, match="y has 3 entries"):
        out_of_fold(Rows(), x, y[:3], [([0, 1], [2, 3])])
    with pytest.raises(InputError, match="sample_weight has 3"):
        out_of_fold(Rows(), x, y, [([0, 1], [2, 3])], sample_weight=[1, 2, 3])


@pytest.mark.parametrize(("indicator", "random", "blocked"), [("idhm", 0.76, 0.65), ("pmpob", 0.86, 0.78)])
def test_geographic_baseline_on_brazil(shared_data, indicator, random, blocked):
    rows = pd.read_csv(shared_data / "brazil" / "municipalities_1991_2000_2010.csv").query("year == 2010")
    lonlat, y = rows[["longitude", "latitude"]].to_numpy(), rows[indicator].to_numpy()
    found = {}
    for name, splitter in {"random": RandomKFold(5), "blocked": BlockKFold(5, resolution=2)}.items():
        model = KNeighborsRegressor(10, weights="distance")
        p = out_of_fold(model, unit_vectors(lonlat), y, splitter.split(lonlat)).prediction
        found[name] = regression_scores(y, p)["r2"]
    assert found["random"] == pytest.approx(random, abs=0.03)
    assert found["blocked"] == pytest.approx(blocked, abs=0.03)


def test_what_goes_with_a_row_is_cut_to_the_training_rows(x):
    class Sees(Rows):
        def fit(self, X, y, *, se=None):
            self.value_ = float(np.sum(se))
            assert len(se) == len(y)
            return self

    se = np.arange(20.0)
    found = out_of_fold(Sees(), x, np.ones(20), RandomKFold(4).split(x), fit_rows={"se": se})
    for k in range(4):
        test = found.fold == k
        assert np.allclose(found.prediction[test], se[~test].sum())
    with pytest.raises(InputError, match="se has 3 entries, X has 20 rows"):
        out_of_fold(Sees(), x, np.ones(20), RandomKFold(4).split(x), fit_rows={"se": np.ones(3)})


def test_several_targets_with_gaps(x, rng):
    y = np.column_stack([x[:, 0], rng.normal(size=20)])
    y[:5, 1], y[7] = np.nan, np.nan

    class Both(Rows):
        def fit(self, X, y):
            assert y.shape[1] == 2 and np.isfinite(y).any(axis=1).all()
            self.value_ = np.nanmean(y, axis=0)
            return self

        def predict(self, X):
            return np.tile(self.value_, (len(X), 1))

    found = out_of_fold(Both(), x, y, RandomKFold(4).split(x))
    assert found.prediction.shape == (20, 2) and np.isfinite(found.prediction).all()
    train = found.fold != found.fold[0]
    assert np.allclose(found.prediction[0], np.nanmean(y[train], axis=0))
