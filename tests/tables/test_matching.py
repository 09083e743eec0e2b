"""Pictures of clusters: the published rule, the metric one, and their edges."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.tables import match_images


def clusters(*lonlat, **columns):
    points = gpd.points_from_xy(*np.array(lonlat, dtype=float).reshape(-1, 2).T)
    names = [f"c{i}" for i in range(len(lonlat))]
    return gpd.GeoDataFrame({"cluster_id": names} | columns, geometry=points, crs=4326)


def photos(*lonlat, **columns):
    points = gpd.points_from_xy(*np.array(lonlat, dtype=float).reshape(-1, 2).T)
    names = [f"p{i}" for i in range(len(lonlat))]
    return gpd.GeoDataFrame({"image_id": names} | columns, geometry=points, crs=4326)


def pairs(table):
    return set(zip(table["cluster_id"], table["image_id"]))


def test_the_window_is_square_in_degrees_and_the_radius_round_on_the_ground():
    place = clusters((36.8, 60.0))
    near = photos((36.8, 60.1), (36.9, 60.1), (36.9, 60.0), (36.91, 60.0), (36.8, 60.11), (36.8, 60.0))
    assert pairs(match_images(place, near)) == {("c0", f"p{i}") for i in (0, 1, 2, 5)}
    found = match_images(place, near, radius_m=6_200)
    assert found["image_id"].tolist() == ["p5", "p2", "p3"]
    assert found["distance_m"].to_numpy() == pytest.approx([0, 5559.75, 6115.72], abs=0.01)


def test_a_degree_on_the_ground():
    """The spec's distance of 0.1 degrees at the equator, on the sphere of radius 6371.0088 km."""
    found = match_images(clusters((10.0, 0.0)), photos((10.0, 0.1)))
    assert found["distance_m"].item() == pytest.approx(11119.508, abs=1e-3)


def test_a_picture_stands_for_several_clusters():
    found = match_images(clusters((0.0, 10.0), (0.15, 10.0), (5.0, 5.0)), photos((0.08, 10.0)))
    assert pairs(found) == {("c0", "p0"), ("c1", "p0")}


@pytest.mark.parametrize("rule", [{}, {"radius_m": 11_000.0}])
def test_across_the_antimeridian(rule):
    found = match_images(
        clusters((179.97, -17.0), (-179.98, -17.0)), photos((-179.96, -17.0), (179.95, -17)), **rule
    )
    assert pairs(found) == {(c, p) for c in ("c0", "c1") for p in ("p0", "p1")}


def test_at_the_pole_only_the_radius_means_near():
    near = photos((150.0, 89.99))
    assert match_images(clusters((0.0, 89.99)), near).empty
    assert len(match_images(clusters((0.0, 89.99)), near, radius_m=3000)) == 1
    assert len(match_images(clusters((0.0, 89.99)), near, window_deg=90.0)) == 0
    assert len(match_images(clusters((100.0, 89.99)), near, window_deg=50.0)) == 1


def test_years_count_where_both_are_known():
    times = pd.to_datetime(["2014-01-01", "2013-12-31", "2020-12-31", "2021-01-01", None], utc=True)
    near = photos(*[(1.0, 1.0)] * 5, captured_at=times)
    surveyed = clusters((1.0, 1.0), (1.0, 1.0), year=[2017, None])
    found = match_images(surveyed, near)
    assert pairs(found) == {("c0", f"p{i}") for i in (0, 2, 4)} | {("c1", f"p{i}") for i in range(5)}
    assert len(match_images(surveyed, near, years=None)) == 10
    assert pairs(match_images(surveyed, near, years=0)) == {("c0", "p4")} | {
        ("c1", f"p{i}") for i in range(5)
    }
    assert len(match_images(surveyed, near.drop(columns="captured_at"))) == 10


def test_of_too_many_every_sequence_gives_one_first():
    sequence = ["a"] * 50 + ["b"] * 50 + ["c"] * 2 + [None, None]
    near = photos(*[(1.0, 1.0)] * 104, sequence_id=sequence)
    place = clusters((1.0, 1.0))
    found = match_images(place, near, most=9)
    drawn = near.set_index("image_id")["sequence_id"].loc[found["image_id"]]
    assert drawn.isna().sum() == 2
    # five sequences give one each, three of them a second, the other place is of a or b
    assert drawn.value_counts().to_dict() in ({"a": 3, "b": 2, "c": 2}, {"a": 2, "b": 3, "c": 2})
    assert len(match_images(place, near, most=None)) == 104
    assert match_images(place, near, most=5)["image_id"].nunique() == 5


def test_the_draw_goes_by_id_and_seed_alone(rng):
    near = photos(*rng.normal(1, 0.02, (400, 2)), sequence_id=rng.integers(0, 40, 400).astype(str))
    place = clusters((1.0, 1.0), (1.01, 1.0))
    first = match_images(place, near, most=30)
    assert len(first) == 60
    shuffled = near.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(match_images(place, shuffled, most=30), first)
    assert pairs(match_images(place.iloc[:1], near, most=30)) == {p for p in pairs(first) if p[0] == "c0"}
    assert pairs(match_images(place, near, most=30, seed=1)) != pairs(first)


def test_a_picture_listed_twice_counts_once():
    near = photos((1.0, 1.0), (1.0, 1.0))
    twice = pd.concat([near, near.assign(cluster_id="old")])
    assert len(match_images(clusters((1.0, 1.0)), twice)) == 2


def test_footprints_and_other_crs():
    near = photos((36.8, -1.2), (36.9, -1.2)).to_crs(32737)
    tiles = near.set_geometry(near.buffer(500, cap_style="square"))
    found = match_images(clusters((36.82, -1.2)).to_crs(3857), tiles, radius_m=5_000)
    assert found["image_id"].tolist() == ["p0"]
    assert found["distance_m"].item() == pytest.approx(2223, abs=15)


def test_empty_tables():
    some, near = clusters((1.0, 1.0)), photos((1.0, 1.0))
    for found in (match_images(some.iloc[:0], near), match_images(some, near.iloc[:0])):
        assert list(found.columns) == ["cluster_id", "image_id", "distance_m"] and found.empty


@pytest.mark.parametrize(
    "wrong",
    [
        {"window_deg": 0},
        {"window_deg": 91},
        {"radius_m": -1.0},
        {"radius_m": np.nan},
        {"years": -1},
        {"most": 0},
    ],
)
def test_options_that_make_no_sense(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        match_images(clusters((1.0, 1.0)), photos((1.0, 1.0)), **wrong)


def test_tables_that_cannot_be_matched():
    some, near = clusters((1.0, 1.0)), photos((1.0, 1.0), (2.0, 2.0))
    with pytest.raises(MissingColumnError, match="cluster_id"):
        match_images(some.drop(columns="cluster_id"), near)
    with pytest.raises(MissingCRSError, match="set_crs"):
        match_images(some, near.set_crs(None, allow_override=True))
    near.loc[1, "geometry"] = None
    with pytest.raises(InputError, match="p1"):
        match_images(some, near)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.sampled_from([0.05, 0.5, 5.0]), st.sampled_from([None, 20_000.0, 400_000.0])
)
def test_as_one_pair_at_a_time(seed, window, radius):
    rng = np.random.default_rng(seed)
    centre = [rng.choice([0, 120, 179.9, -179.9]), rng.choice([0, 60, 89.9, -89.9])]
    spread = rng.normal(0, window, (2, 40, 2)) + centre
    lon, lat = (spread[..., 0] + 180) % 360 - 180, np.clip(spread[..., 1], -90, 90)
    place, near = (np.stack([lon[k], lat[k]], axis=1) for k in (0, 1))
    found = match_images(clusters(*place), photos(*near), window_deg=window, radius_m=radius, most=None)
    expected = {}
    for i, (x0, y0) in enumerate(place):
        for j, (x1, y1) in enumerate(near):
            a, b = np.radians([y0, y1])
            hav = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(np.radians(x1 - x0) / 2) ** 2
            metres = 2 * 6371008.8 * np.arcsin(min(1.0, np.sqrt(hav)))
            turn = abs((x1 - x0 + 180) % 360 - 180)
            if metres <= radius if radius else max(turn, abs(y1 - y0)) <= window:
                expected[f"c{i}", f"p{j}"] = metres
    assert pairs(found) == set(expected)
    measured = dict(zip(zip(found["cluster_id"], found["image_id"]), found["distance_m"]))
    assert all(measured[key] == pytest.approx(metres, abs=0.01) for key, metres in expected.items())
