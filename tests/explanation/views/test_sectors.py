"""Sectors: shares by overlap, sums conserved, objects where they were seen."""

import json
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.explanation.views import horizontal_bearing, view_sectors, view_wedges
from geolivelihood.explanation.views.sectors import column_shares

POSITIVE, NEGATIVE = [0.6, 1.1, 0.3, 0.0], [-0.2, 0.0, -0.5, -0.1]


def photos(count=1, **columns):
    table = {"image_id": [f"p{k}" for k in range(count)], "kind": "street", "heading": 350.0, "fov": 65.0}
    points = gpd.points_from_xy(np.full(count, 10.0), np.full(count, 50.0))
    return gpd.GeoDataFrame(table | columns, geometry=points, crs=4326)


def maps(values, *, start=128.0, jump=256.0, size=(768, 1024)):
    return SimpleNamespace(maps=np.asarray(values, float), target="wealth", start=start, jump=jump, size=size)


def test_the_specification():
    found = view_sectors(photos(), maps([[POSITIVE, NEGATIVE]]))
    whole, parts = found.iloc[0], found.iloc[1:]
    assert found["sector"].tolist() == [-1, 0, 1, 2, 3, 4]
    np.testing.assert_allclose(
        parts["positive"], [0.532974221, 0.773571001, 0.500760627, 0.192694151, 0], atol=1e-9
    )
    net = [0.355316147, 0.751229074, 0.321917546, -0.139633731, -0.088829037]
    np.testing.assert_allclose(parts["score"], net, atol=1e-9)
    assert whole["positive"] == pytest.approx(2) and whole["negative"] == pytest.approx(-0.8)
    np.testing.assert_allclose(parts[["positive", "negative", "score"]].sum(), [2, -0.8, 1.2])
    assert whole["share_positive"] == pytest.approx(2 / 2.8) and whole["target"] == "wealth"
    np.testing.assert_allclose(parts["width"], 13)
    edges = [0, 227.402334, 420.432342, 603.567658, 796.597666, 1024]
    ends = horizontal_bearing(edges, width=1024, heading=350, fov=65)
    np.testing.assert_allclose(parts["bearing"], (ends[:-1] + 6.5) % 360, atol=1e-6)
    np.testing.assert_allclose((ends[1:] - 6.5) % 360, parts["bearing"], atol=1e-6)


def test_sectors_make_up_the_wedge():
    found = view_sectors(photos(), range_m=80)
    area = shapely.area(found.geometry.to_numpy())
    assert area[1:].sum() == pytest.approx(area[0], rel=5e-3)
    assert shapely.equals_exact(found.geometry.iloc[0], view_wedges(photos(), range_m=80).geometry.iloc[0])
    assert found[["positive", "score"]].isna().all(axis=None)


def test_columns_registered_as_a_residual_network_has_them():
    # nodes at 0.5, 32.5, ...: the first column reaches 16.5 pixels, the last 47.5
    got = column_shares(np.eye(7), np.arange(7), 0.0, 16.5, start=0.5, jump=32, width=224)
    np.testing.assert_allclose(got, [1, 0, 0, 0, 0, 0, 0])
    got = column_shares(np.eye(7), np.arange(7), 224 - 47.5, 224.0, start=0.5, jump=32, width=224)
    np.testing.assert_allclose(got, [0, 0, 0, 0, 0, 0, 1])


@given(
    st.integers(1, 9),
    st.floats(0, 40),
    st.floats(1, 40),
    st.floats(0, 50),
    st.lists(st.floats(0, 1), max_size=6),
)
def test_cutting_anywhere_conserves_the_sum(k, start, jump, beyond, cuts):
    width = start + (k - 1) * jump + beyond + 1e-3
    columns = np.random.default_rng(k).normal(size=(1, k))
    edges = np.concatenate([[0], np.sort(cuts), [1]]) * width
    row = np.zeros(len(edges) - 1, dtype=int)
    got = column_shares(columns, row, edges[:-1], edges[1:], start=start, jump=jump, width=width)
    assert got.sum() == pytest.approx(columns.sum(), abs=1e-9)


def test_photos_of_all_kinds_keep_their_own_sums():
    rng = np.random.default_rng(0)
    table = photos(5, heading=[0, 90, np.nan, 200, 10], fov=[65, 360, 65, 100, 190.0], projection=None)
    table["projection"] = ["perspective", "spherical", "", "fisheye", ""]
    values = rng.normal(size=(5, 7, 7))
    found = view_sectors(table, maps(values, start=0.5, jump=32, size=(224, 224)))
    counts = found.groupby("image_id").size() - 1
    assert counts.tolist() == [5, 24, 0, 7, 13]
    whole = found[found["sector"] < 0].set_index("image_id")
    np.testing.assert_allclose(whole["score"], values.sum(axis=(1, 2)))
    np.testing.assert_allclose(whole["positive"], np.maximum(values, 0).sum(axis=(1, 2)))
    sums = found[found["sector"] >= 0].groupby("image_id")["negative"].sum()
    np.testing.assert_allclose(sums, whole["negative"].drop("p2"))
    assert whole["flag"].tolist() == ["", "", "no_heading", "", ""]


def test_a_panorama_starts_behind_the_camera():
    column = np.zeros((1, 1, 8))
    column[0, 0, 0] = 1.0
    found = view_sectors(photos(fov=360.0, heading=30.0), maps(column, start=64, jump=128), sector_deg=45)
    first = found[found["sector"].eq(0)].iloc[0]
    assert first["bearing"] == pytest.approx(30 - 180 + 22.5 + 360) and first["positive"] == pytest.approx(1)


def test_a_cropped_panorama_looks_where_the_crop_is():
    table = photos(heading=100.0, fov=np.nan, projection="equirectangular", width=500, height=500)
    table = table.assign(FullPanoWidthPixels=2000, CroppedAreaLeftPixels=1000)
    whole = view_sectors(table, sector_deg=30).iloc[0]
    assert (whole["fov"], whole["heading"], whole["width"]) == (90, 145, 90)


def test_a_model_that_sees_the_middle_only():
    values = np.ones((1, 1, 4))
    table = photos(fov=90.0, projection="fisheye")  # even in angle
    found = view_sectors(table, maps(values, start=28, jump=56, size=(224, 224)), window=(0.25, 0.75))
    np.testing.assert_allclose(found["positive"], [4, 0, 2 / 3, 4 / 3, 4 / 3, 2 / 3, 0], atol=1e-12)


def test_objects_by_the_middle_of_their_box():
    table = photos(3, width=1024, height=768, detections=[[7, 7], None, []], fov=[65.0, 360.0, 65.0])
    objects = pd.DataFrame(
        {
            "image_id": ["p0", "p0", "p0", "p1", "p1", "elsewhere"],
            "class": ["Car", "Car", "Pole", "Car", "Pole", "Car"],
            "left": [0.0, 10.0, 1000.0, 0.0, 1020.0, 3],
            "right": [100.0, 700.0, 1024.0, 0.0, 1028.0, 4],
        }
    )
    found = view_sectors(table, objects=objects)
    first = found[found["image_id"].eq("p0")]["objects"].map(json.loads).tolist()
    assert first == [{"7": 2, "Car": 2, "Pole": 1}, {"Car": 1}, {"Car": 1}, {}, {}, {"Pole": 1}]
    around = found[found["image_id"].eq("p1")]["objects"].map(json.loads).tolist()
    assert around[0] == {"Car": 1, "Pole": 1} and around[1] == {"Car": 1} and around[-1] == {"Pole": 1}
    assert found[found["image_id"].eq("p2")]["objects"].eq("{}").all()


def test_objects_of_a_photo_without_heading_stay_with_it():
    objects = pd.DataFrame({"image_id": ["p0"], "class": ["Car"], "left": [3], "right": [4]})
    found = view_sectors(photos(heading=np.nan, width=100), objects=objects)
    assert found["objects"].tolist() == ['{"Car": 1}']


def test_columns_and_cells_go_along():
    table = photos(2, cell=["8a1", "8a2"], creator=["a", "b"], license="CC", path="x.jpg", captured_at=pd.NaT)
    found = view_sectors(table)
    assert found["cell"].tolist() == ["8a1"] * 6 + ["8a2"] * 6 and found["creator"].nunique() == 2
    needed = (
        "image_id cell heading fov range_m score path license target sector bearing width positive negative"
    )
    also = "share_positive objects heading_source fov_source flag captured_at creator"
    assert set(f"{needed} {also}".split()) <= set(found)


def test_overhead_pictures_among_the_maps():
    table = photos(2, kind=["overhead", "street"])
    found = view_sectors(table, maps(np.stack([np.full((1, 4), 9.0), [POSITIVE]])))
    assert found["image_id"].unique().tolist() == ["p1"] and found["score"][0] == pytest.approx(2)


def test_bad_input():
    with pytest.raises(InputError, match=r"shape \(1, 1, 4\) for 2 images"):
        view_sectors(photos(2), maps(np.zeros((1, 1, 4))))
    with pytest.raises(InputError, match="sector_deg is 0"):
        view_sectors(photos(), sector_deg=0)
    with pytest.raises(InputError, match="window"):
        view_sectors(photos(), window=(0.5, 0.5))
    with pytest.raises(InputError, match="at most 100"):
        view_sectors(photos(), range_m=101)
    boxes = pd.DataFrame({"image_id": ["p0"], "class": ["Car"], "left": [3], "right": [4]})
    with pytest.raises(MissingColumnError, match="missing: width"):
        view_sectors(photos(), objects=boxes)
    with pytest.raises(MissingColumnError, match="missing: right"):
        view_sectors(photos(width=3), objects=boxes.drop(columns="right"))
    with pytest.raises(InputError, match="p0 has objects but no width"):
        view_sectors(photos(width=np.nan), objects=boxes)


def test_nothing():
    assert view_sectors(photos(0)).empty
