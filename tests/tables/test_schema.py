import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError, TableError
from geolivelihood.tables import check_clusters, check_images, check_regions
from geolivelihood.tables.schema import as_ids


def clusters(x=(36.8, 36.9, 37.0), y=(-1.2, -1.3, -1.4), crs="EPSG:4326", **columns):
    n = len(x)
    data = {"cluster_id": [f"c{i}" for i in range(n)], "wealth": np.linspace(0.1, 0.9, n)} | columns
    return gpd.GeoDataFrame(data, geometry=gpd.points_from_xy(x, y), crs=crs, index=pd.RangeIndex(10, 10 + n))


def images(**columns):
    data = {"image_id": ["a", "b"], "path": ["a.jpg", "b.jpg"], "kind": ["street", "street"]} | columns
    return gpd.GeoDataFrame(data, geometry=gpd.points_from_xy([1, 2], [3, 4]), crs="EPSG:4326")


def squares(n=2, **columns):
    boxes = [shapely.box(i, 0, i + 1, 1) for i in range(n)]
    data = {"region_id": list(range(n)), "name": [f"r{i}" for i in range(n)]} | columns
    return gpd.GeoDataFrame(data, geometry=boxes, crs="EPSG:4326")


def test_good_clusters_pass_with_their_index_and_are_not_mutated():
    frame = clusters(urban=["U", "R", "U"], extra=["x", "y", "z"])
    before = frame.copy()
    table, rejected = check_clusters(frame, indicators=["wealth"])
    assert table.index.equals(frame.index)
    assert rejected.empty
    assert list(rejected.columns) == ["row", "column", "reason"]
    assert table["urban"].dtype == bool
    assert table["urban"].tolist() == [True, False, True]
    assert table["extra"].tolist() == ["x", "y", "z"]
    pd.testing.assert_frame_equal(frame, before)


def test_no_crs_says_how_to_set_it():
    with pytest.raises(MissingCRSError, match=r"set_crs\('EPSG:4326'\)"):
        check_clusters(clusters(crs=None), indicators=["wealth"])


def test_fatal_faults_are_raised_together():
    frame = clusters(crs=None, cluster_id=["a", "a", "b"])
    with pytest.raises(MissingCRSError) as caught:
        check_clusters(frame, indicators=["wealht"])
    faults = caught.value.faults
    assert isinstance(caught.value, TableError)
    assert set(faults["column"]) == {"geometry", "wealht", "cluster_id"}
    assert faults.loc[faults["column"] == "cluster_id", "row"].tolist() == ["a", "a"]
    assert "Did you mean 'wealth'" in str(caught.value)


def test_unknown_indicator_lists_the_numeric_columns():
    with pytest.raises(MissingColumnError, match="numeric columns are: wealth, bmi"):
        check_clusters(clusters(bmi=[20.0, 21, 22], word=["x", "y", "z"]), indicators=["height"])


def test_one_text_for_indicators_is_refused():
    with pytest.raises(InputError, match=r"\['wealth'\]"):
        check_clusters(clusters(), indicators="wealth")


def test_a_table_without_geometry_is_refused():
    with pytest.raises(InputError, match="points_from_xy"):
        check_clusters(pd.DataFrame({"cluster_id": [1]}), indicators=[])


def test_empty_table_is_fatal():
    with pytest.raises(TableError, match="has no rows"):
        check_clusters(clusters().iloc[:0], indicators=["wealth"])


def test_missing_column_is_fatal():
    with pytest.raises(MissingColumnError, match="cluster_id"):
        check_clusters(clusters().drop(columns="cluster_id"), indicators=["wealth"])


def test_bad_places_are_set_aside_with_their_ids():
    x = [36.8, 0, np.nan, 36.9, 200, 36.7, 36.6]
    y = [-1.2, 0, -1.3, np.inf, -1.4, np.nan, -1.5]
    table, rejected = check_clusters(clusters(x, y), indicators=["wealth"])
    assert table["cluster_id"].tolist() == ["c0", "c6"]
    assert rejected["row"].tolist() == ["c1", "c2", "c3", "c4", "c5"]
    assert rejected["reason"].str.contains(r"\(0, 0\)|NaN or infinite|out of range").all()


def test_missing_geometry_and_wrong_types_are_set_aside():
    frame = clusters()
    frame.geometry = [None, shapely.box(0, 0, 1, 1), shapely.Point(1, 1)]
    table, rejected = check_clusters(frame, indicators=["wealth"])
    assert len(table) == 1
    assert rejected["reason"].tolist() == ["no geometry", "is a Polygon, must be a Point"]


def test_all_rows_bad_is_fatal_and_says_why():
    with pytest.raises(TableError, match="not one of its 3 rows") as caught:
        check_clusters(clusters(x=[0, 0, 0], y=[0, 0, 0]), indicators=["wealth"])
    assert len(caught.value.faults) == 3
    assert "(0, 0)" in str(caught.value)


def test_swapped_coordinates_are_found_by_latitudes_beyond_the_pole():
    with pytest.raises(TableError, match="swapped") as caught:
        check_clusters(clusters(x=[-1.2, -1.3, 5], y=[110, 120, 5]), indicators=["wealth"])
    assert caught.value.faults["row"].tolist() == ["c0", "c1"]


def test_swapped_coordinates_are_found_by_the_extent():
    swapped = clusters(x=[-1.2, -1.3, -1.4], y=[36.8, 36.9, 37.0])
    check_clusters(swapped, indicators=["wealth"])  # a possible place, though not the right one
    with pytest.raises(TableError, match="swapped"):
        check_clusters(swapped, indicators=["wealth"], extent=(33, -5, 42, 6))


def test_rows_outside_the_extent_are_set_aside():
    country = gpd.GeoSeries([shapely.box(36.7, -1.35, 36.95, -1)], crs="EPSG:4326").to_crs(3857)
    table, rejected = check_clusters(clusters(), indicators=["wealth"], extent=country)
    assert table["cluster_id"].tolist() == ["c0", "c1"]
    assert rejected["reason"].str.startswith("outside the extent").all()


def test_extent_across_the_antimeridian():
    frame = clusters(x=[179, -179, 0], y=[1, 1, 1])
    table, _ = check_clusters(frame, indicators=["wealth"], extent=(178, 0, -178, 2))
    assert table["cluster_id"].tolist() == ["c0", "c1"]


@pytest.mark.parametrize("extent", [(0, 1), (0, 5, 1, -5), (0, 0, np.nan, 1)])
def test_an_extent_that_is_no_box_is_refused(extent):
    with pytest.raises(InputError, match="west, south, east, north"):
        check_clusters(clusters(), indicators=["wealth"], extent=extent)


def test_projected_tables_come_out_in_degrees():
    table, _ = check_clusters(clusters().to_crs("EPSG:32737"), indicators=["wealth"])
    assert table.crs == "EPSG:4326"
    np.testing.assert_allclose(table.geometry.x, [36.8, 36.9, 37.0], atol=1e-9)


def test_units_that_contradict_the_crs_are_fatal():
    with pytest.raises(TableError, match="look like degrees"):
        check_clusters(clusters(crs="EPSG:32737"), indicators=["wealth"])
    metres = clusters().to_crs("EPSG:32737").set_crs("EPSG:4326", allow_override=True)
    with pytest.raises(TableError, match="is in degrees"):
        check_clusters(metres, indicators=["wealth"])


def test_duplicate_ids_are_fatal_with_the_ids():
    with pytest.raises(TableError, match="more than once") as caught:
        check_clusters(clusters(cluster_id=[1, 1, 2], wealth=[0.5, 0.5, 0.7]), indicators=["wealth"])
    assert caught.value.faults["row"].tolist() == ["1", "1"]


def test_a_label_that_varies_within_a_cluster_is_fatal():
    frame = clusters(cluster_id=["a", "a", "b"], wealth=[0.1, 0.2, 0.3])
    with pytest.raises(TableError, match="varies within one cluster_id") as caught:
        check_clusters(frame, indicators=["wealth"])
    assert caught.value.faults["column"].tolist() == ["wealth", "wealth"]


def test_missing_ids_are_set_aside_under_their_index():
    _, rejected = check_clusters(clusters(cluster_id=["a", None, " "]), indicators=["wealth"])
    assert rejected["row"].tolist() == ["11", "12"]


def test_labels_that_look_like_codes_are_set_aside():
    frame = clusters([1, 2, 3, 4], [1, 2, 3, 4], wealth=[20.5, 9998, -999, np.nan])
    table, rejected = check_clusters(frame, indicators=["wealth"])
    assert table["cluster_id"].tolist() == ["c0", "c3"]
    assert rejected["reason"].str.contains("missing_codes").all()


@pytest.mark.parametrize("code", [97, 98, 99, 994, 996, 999, 9994, 9996, 9999, -99])
def test_a_code_is_suspected_only_far_from_the_others(code):
    _, rejected = check_clusters(clusters(wealth=[20.5, 31.0, code]), indicators=["wealth"])
    assert rejected["row"].tolist() == ["c2"]
    _, rejected = check_clusters(clusters(wealth=[0.6 * code, 0.9 * code, code]), indicators=["wealth"])
    assert rejected.empty


def test_codes_named_by_the_caller_become_nan_and_none_are_suspected():
    frame = clusters(wealth=[20.5, 9998, -999])
    table, rejected = check_clusters(frame, indicators=["wealth"], missing_codes=[9998])
    assert rejected.empty
    np.testing.assert_array_equal(table["wealth"], [20.5, np.nan, -999])


def test_a_number_that_only_happens_to_be_nines_stays():
    table, _ = check_clusters(clusters(wealth=[500.0, 999, 1800]), indicators=["wealth"])
    assert len(table) == 3


def test_words_in_numeric_columns_are_set_aside():
    frame = clusters(wealth=["0.5", "n.d.", ""], weight=[1.0, 1.0, 1.0])
    table, rejected = check_clusters(frame, indicators=["wealth"])
    assert rejected["row"].tolist() == ["c1"]
    assert table["wealth"].dtype == np.float64
    assert np.isnan(table["wealth"].iloc[1])


def test_impossible_weights_and_errors_are_set_aside():
    frame = clusters(weight=[1.0, 0.0, np.nan], wealth_se=[0.1, 0.1, 0.0])
    table, rejected = check_clusters(frame, indicators=["wealth"])
    assert table["cluster_id"].tolist() == ["c0"]
    assert set(rejected["column"]) == {"weight", "wealth_se"}


def test_unknown_urban_is_set_aside():
    table, rejected = check_clusters(clusters(urban=["U", "?", None]), indicators=["wealth"])
    assert len(table) == 1
    assert rejected["column"].tolist() == ["urban", "urban"]


def test_images_pass_and_faults_are_found():
    table, rejected = check_images(images(heading=[10.0, 400.0]))
    assert table["image_id"].tolist() == ["a"]
    assert rejected["column"].tolist() == ["heading"]
    _, rejected = check_images(images(path=["a.jpg", " "]))
    assert rejected["reason"].tolist() == ["the path is empty"]
    _, rejected = check_images(images(kind=["street", "aerial"]))
    assert "must be street or overhead" in rejected["reason"].iloc[0]


def test_an_overhead_picture_needs_a_footprint():
    _, rejected = check_images(images(kind=["street", "overhead"]))
    assert "footprint" in rejected["reason"].iloc[0]


def test_one_photo_may_serve_two_clusters_but_not_one_twice():
    check_images(images(image_id=["a", "a"], cluster_id=["1", "2"]))
    with pytest.raises(TableError, match="more than once"):
        check_images(images(image_id=["a", "a"], cluster_id=["1", "1"]))


def test_times_must_be_utc():
    times = pd.to_datetime(["2020-01-01", "2021-01-01"])
    with pytest.raises(TableError, match="utc=True"):
        check_images(images(captured_at=times))
    table, _ = check_images(images(captured_at=times.tz_localize("UTC")))
    assert len(table) == 2


def test_regions_are_checked_and_repaired():
    frame = squares()
    frame.loc[0, "geometry"] = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    with pytest.warns(UserWarning, match="repaired the rings of 1 regions"):
        table, _ = check_regions(frame)
    assert table.geometry.is_valid.all()
    assert table.geometry.iloc[0].area == pytest.approx(0.5)
    with pytest.raises(TableError, match="more than once"):
        check_regions(squares(region_id=[1, 1]))
    _, rejected = check_regions(squares(name=["a", None]))
    assert rejected["row"].tolist() == ["1"]


def test_ids_become_text():
    assert as_ids(pd.Series([7, 8])).tolist() == ["7", "8"]
    assert as_ids(pd.Series([7.0, np.nan])).iloc[0] == "7"
    assert as_ids(pd.Series(["007", " "])).iloc[0] == "007"
    assert as_ids(pd.Series(["007", " "])).isna().tolist() == [False, True]


@given(st.lists(st.tuples(st.floats(), st.floats()), min_size=1, max_size=20))
def test_every_row_is_kept_or_set_aside_and_kept_rows_are_on_earth(xy):
    x, y = zip(*xy)
    frame = clusters(x, y)
    try:
        table, rejected = check_clusters(frame, indicators=["wealth"])
    except TableError:
        return
    assert set(table["cluster_id"]) | set(rejected["row"]) == set(frame["cluster_id"])
    assert set(table["cluster_id"]).isdisjoint(rejected["row"])
    assert (table.geometry.x.abs() <= 180 + 1e-6).all()
    assert (table.geometry.y.abs() <= 90 + 1e-6).all()


def test_pictures_without_a_place_pass_when_none_is_needed():
    frame = images()
    frame.loc[1, "geometry"] = None
    table, rejected = check_images(frame)
    assert table["image_id"].tolist() == ["a"] and rejected["reason"].tolist() == ["no geometry"]
    table, rejected = check_images(frame, located=False)
    assert table["image_id"].tolist() == ["a", "b"] and rejected.empty
    frame.loc[0, "geometry"] = shapely.Point(0, 0)  # a place that is given must be one all the same
    assert check_images(frame, located=False).rejected["row"].tolist() == ["a"]
    nowhere = gpd.GeoDataFrame(frame.drop(columns="geometry"), geometry=[None, None], crs="EPSG:4326")
    assert len(check_images(nowhere, located=False).table) == 2
