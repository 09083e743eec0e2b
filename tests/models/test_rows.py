from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from geolivelihood.cells import Tie, lonlat_cells
from geolivelihood.errors import InputError
from geolivelihood.models import take
from geolivelihood.models.rows import (
    check_features,
    check_labels,
    check_lonlat,
    check_target,
    check_weights,
    row_count,
)

TABLE = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize("indices", [[2, 0], np.array([True, False, True, False]), np.array([], dtype=int)])
@pytest.mark.parametrize("kind", ["array", "frame", "series", "list", "tuple", "sparse", "places", "tie"])
def test_take_gives_the_same_rows_of_everything(kind, indices):
    names = np.array(list("abcd"))
    X = {
        "array": names,
        "frame": pd.DataFrame({"name": names}, index=[9, 8, 7, 6]),
        "series": pd.Series(names),
        "list": list(names),
        "tuple": tuple(names),
        "sparse": sparse.csr_array(np.diag([1.0, 2, 3, 4])),
        "places": gpd.GeoDataFrame(
            {"name": names}, geometry=gpd.points_from_xy(range(4), range(4)), crs=4326
        ),
        "tie": Tie.from_arrays(
            range(4), lonlat_cells(np.arange(4.0), np.zeros(4), resolution=5), np.ones(4), row_ids=list(names)
        ),
    }[kind]
    part = take(X, indices)
    expected = names[np.asarray(indices)]
    assert type(part) is type(X)
    assert row_count(part) == len(expected)
    if kind == "sparse":
        assert part.sum(axis=1).tolist() == (np.arange(1.0, 5)[np.asarray(indices)]).tolist()
    else:
        found = part["name"] if kind in ("frame", "places") else part.rows if kind == "tie" else part
        assert list(found) == list(expected)


def test_take_of_other_sequences_is_a_list():
    assert take(range(10, 20), [3, 1]) == [13, 11]


def test_take_rejects_what_has_no_rows_and_masks_that_do_not_fit():
    with pytest.raises(InputError, match="3 entries but there are 4"):
        take(TABLE, np.array([True, False, True]))
    with pytest.raises(InputError, match="dict"):
        take({"a": 1}, [0])
    with pytest.raises(InputError, match="int has no rows"):
        row_count(3)


def test_targets_with_nan_name_the_row():
    with pytest.raises(InputError, match=r"1 of 4 targets are NaN or infinite \(first at row 2\)"):
        check_target([1, 2, np.nan, 4], rows=4)


@pytest.mark.parametrize(
    ("y", "rows", "message"),
    [
        ([], 0, "0 rows to learn from"),
        ([1.0], 1, "1 rows to learn from"),
        ([1.0, 2.0], 3, "3 rows"),
        (["rich", "poor"], 2, "classifier"),
    ],
)
def test_targets_that_cannot_be_used(y, rows, message):
    with pytest.raises(InputError, match=message):
        check_target(y, rows=rows)


def test_labels_become_codes_and_may_not_be_missing():
    classes, codes = check_labels(["b", "a", "b"], rows=3)
    assert classes.tolist() == ["a", "b"]
    assert codes.tolist() == [1, 0, 1]
    with pytest.raises(InputError, match="1 of 2 labels are missing"):
        check_labels(np.array(["a", None], dtype=object), rows=2)


def test_weights_have_mean_one_and_must_be_usable():
    assert check_weights([1, 3], rows=2).tolist() == [0.5, 1.5]
    for wrong in ([-1, 2], [0, 0], [np.nan, 1], [1]):
        with pytest.raises(InputError, match="sample_weight"):
            check_weights(wrong, rows=2)


def test_feature_count_mismatch_names_both():
    with pytest.raises(InputError, match="3 features but the model was fitted with 5"):
        check_features(TABLE, expected=5)
    with pytest.raises(InputError, match="infinite"):
        check_features([[np.inf]])
    with pytest.raises(InputError, match="shape"):
        check_features([1.0, 2.0])
    with pytest.raises(InputError, match="numbers"):
        check_features([["a"]])


def test_points_come_from_arrays_and_geometries_and_are_checked():
    places = gpd.GeoSeries.from_xy([30.0], [-1.0], crs=4326)
    assert check_lonlat(places).tolist() == [[30.0, -1.0]]
    assert check_lonlat(gpd.GeoDataFrame(geometry=places)).tolist() == [[30.0, -1.0]]
    for wrong in ([[0, 91]], [[np.nan, 0]]):
        with pytest.raises(InputError, match="1 points have a missing or impossible"):
            check_lonlat(wrong)
    with pytest.raises(InputError, match="shape"):
        check_lonlat([[1, 2, 3]])
