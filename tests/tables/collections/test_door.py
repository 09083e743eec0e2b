from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood.errors import InputError, MissingColumnError, TooManyRejectedError
from geolivelihood.tables.collections.door import (
    admit,
    cell_polygons,
    files_below,
    in_split,
    numbers,
    require_columns,
)
from geolivelihood.tables.faults import rejected_rows


def photos(count: int) -> gpd.GeoDataFrame:
    table = {"image_id": [f"p{k}" for k in range(count)], "path": "a.jpg", "kind": "street"}
    points = gpd.points_from_xy(np.arange(count) + 1.0, np.ones(count), crs="EPSG:4326")
    return gpd.GeoDataFrame(table, index=range(50, 50 + count), geometry=points)


def test_what_is_set_aside_comes_to_the_caller() -> None:
    frame = photos(9)
    frame.loc[50, "path"] = ""
    told: list[pd.DataFrame] = []
    gap = rejected_rows(["g"], "income", "has no income")
    fault = rejected_rows(["f"], "path", "is broken: by half")
    table = admit(frame, what="it", rejected=[fault], gaps=[gap], max_rejected=0.2, on_rejected=told.append)
    assert table.index.tolist() == list(range(8)) and frame.index[0] == 50
    assert told[0]["row"].tolist() == ["f", "p0", "g"]


def test_gaps_do_not_count_and_faults_do() -> None:
    many = rejected_rows([f"x{k}" for k in range(5)], "path", "is broken: by half")
    assert len(admit(photos(5), what="it", gaps=[many])) == 5
    with pytest.raises(TooManyRejectedError, match=r"5 of 10 .* more than 10%: 5 is broken \(such as x0\)"):
        admit(photos(5), what="it", rejected=[many])
    twice = rejected_rows(["x", "x"], "path", "is broken")  # two faults of one row
    assert len(admit(photos(5), what="it", rejected=[twice], max_rejected=1 / 6)) == 5


def test_nothing_left() -> None:
    with pytest.raises(InputError, match="Not one picture of it can be used: it has none"):
        admit(photos(0), what="it")
    with pytest.raises(InputError, match=r"can be used: 1 has no income \(such as a\)"):
        admit(photos(0), what="it", gaps=[rejected_rows(["a"], "income", "has no income")])


def test_splits() -> None:
    table = pd.DataFrame({"split": ["a", None, "b"]})
    assert in_split(table, None, where="x") is table
    assert in_split(table, "b", where="x").index.tolist() == [0]
    with pytest.raises(InputError, match="it has a, b"):
        in_split(table, "c", where="x")
    with pytest.raises(InputError, match="nothing there says a split"):
        in_split(table.drop(columns="split"), "c", where="x")


def test_files_and_columns(tmp_path: Path) -> None:
    for name in ("b/2.TIF", "a/x/1.tif", "a/0.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert files_below(tmp_path, (".tif",)) == ["a/x/1.tif", "b/2.TIF"]
    (tmp_path / "b" / "up").symlink_to(tmp_path, target_is_directory=True)  # a circle
    (tmp_path / "c").symlink_to(tmp_path / "a", target_is_directory=True)
    assert files_below(tmp_path, (".tif",)) == ["a/x/1.tif", "b/2.TIF", "c/x/1.tif"]
    with pytest.raises(MissingColumnError, match=r"'icome'.*'income'.*; there is no column 'x'"):
        require_columns(pd.DataFrame({"income": []}), ["icome", "x"], where="f.csv")


def test_numbers() -> None:
    values, wrong = numbers(pd.Series(["1.5", "", None, "x", "inf", " 2"]))
    assert wrong.tolist() == [False, False, False, True, True, False]
    np.testing.assert_array_equal(values, [1.5, np.nan, np.nan, np.nan, np.nan, 2])


@settings(max_examples=30, deadline=None)
@given(st.integers(2_500_000, 6_000_000), st.integers(1_500_000, 5_000_000), st.integers(10, 1000))
def test_cells_are_where_their_corners_say(east: int, north: int, size: int) -> None:
    polygons = cell_polygons([east], [north], size, crs="EPSG:3035")
    back = gpd.GeoSeries(polygons, crs="EPSG:4326").to_crs("EPSG:3035").bounds.to_numpy()
    np.testing.assert_allclose(back[0], [east, north, east + size, north + size], atol=0.01)
