from __future__ import annotations

import logging

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.pretraining.pairs import PlacePairs, SamePicture, seasons


def table(places, days=None, sensors=None):
    frame = pd.DataFrame({"image_id": [str(k) for k in range(len(places))], "place_id": places})
    if days is not None:
        start = pd.Timestamp("2020-01-01", tz="UTC")
        frame["captured_at"] = start + pd.to_timedelta(pd.Series(days, dtype=float), unit="D")
    if sensors is not None:
        frame["sensor"] = sensors
    return frame


def partners(images, **rules):
    """Every allowed key of every picture, the slow way."""
    place, n = images["place_id"].tolist(), len(images)
    days = (images["captured_at"] - images["captured_at"].min()) / pd.Timedelta(days=1)
    days = days.tolist()
    low, high = rules.get("min_gap_days"), rules.get("max_gap_days")
    found = []
    for i in range(n):
        allowed = set()
        for j in range(n):
            gap = abs(days[i] - days[j])
            ok = i != j and place[i] == place[j]
            if low is not None or high is not None:
                ok = ok and not np.isnan(gap) and (low or 0) <= gap <= (np.inf if high is None else high)
            if rules.get("same_sensor"):
                ok = ok and images["sensor"][i] == images["sensor"][j]
            if rules.get("same_season"):
                months = images["captured_at"].dt.month
                ok = ok and (months[i] % 12) // 3 == (months[j] % 12) // 3
            if ok:
                allowed.add(j)
        found.append(allowed)
    return found


tables = st.integers(1, 14).flatmap(
    lambda n: st.tuples(
        st.lists(st.sampled_from("abc"), min_size=n, max_size=n),
        st.lists(st.one_of(st.integers(0, 500), st.just(np.nan)), min_size=n, max_size=n),
        st.lists(st.sampled_from("xy"), min_size=n, max_size=n),
    )
)
rules = st.fixed_dictionaries(
    {},
    optional={
        "gaps": st.tuples(st.integers(0, 300), st.integers(0, 300)).map(sorted),
        "min_gap_days": st.integers(0, 600),
        "same_season": st.booleans(),
        "same_sensor": st.booleans(),
    },
)


@settings(max_examples=60, deadline=None)
@given(tables, rules, st.sampled_from(["image", "place"]), st.one_of(st.none(), st.floats(-2, 2)))
def test_keys_are_exactly_the_allowed_ones(columns, rules, per, weight):
    images = table(*columns)
    if "gaps" in rules:
        rules = {k: v for k, v in rules.items() if k != "gaps"} | dict(
            zip(("min_gap_days", "max_gap_days"), rules["gaps"])
        )
    if weight is not None:
        rules.setdefault("min_gap_days", 0)  # weighing, too, leaves pictures without a date alone
    allowed = partners(images, **rules)
    pairs = PlacePairs(images, per=per, gap_weight=weight, **rules)
    drawn = [set() for _ in allowed]
    for epoch in range(12):
        query, key = pairs.epoch(epoch)
        assert len(query) == len(pairs)
        for i, j in zip(query.tolist(), key.tolist()):
            drawn[i].add(j)
            assert j in allowed[i] or (i == j and not allowed[i])
    places = images["place_id"]
    if per == "image":
        assert sorted(query) == list(range(len(images)))
        assert pairs.real_share == pytest.approx(np.mean([bool(a) for a in allowed]))
    else:
        assert sorted(places[query]) == sorted(set(places))
        real = pd.Series([bool(a) for a in allowed]).groupby(places).any()
        assert pairs.real_share == pytest.approx(real.mean())


def test_keys_are_uniform_over_the_other_pictures():
    images = table(["a"] * 4 + ["b"] * 2)
    pairs = PlacePairs(images, per="image")
    counts = np.zeros((6, 6), dtype=int)
    for epoch in range(3000):
        counts[tuple(pairs.epoch(epoch))] += 1
    assert (np.diag(counts) == 0).all()
    np.testing.assert_allclose(counts[:4, :4][~np.eye(4, dtype=bool)], 1000, atol=120)
    assert (counts[4, 5], counts[5, 4]) == (3000, 3000)


def test_queries_are_uniform_within_their_place_and_places_balanced():
    images = table(["a"] * 4 + ["b"])
    pairs = PlacePairs(images)
    queries = np.concatenate([pairs.epoch(epoch).query for epoch in range(2000)])
    counts = np.bincount(queries)
    np.testing.assert_allclose(counts[:4], 500, atol=90)
    assert counts[4] == 2000
    assert pairs.real_share == 0.5


def test_place_asks_pictures_that_have_a_partner():
    images = table(["a"] * 3, days=[0, 1, 400])
    pairs = PlacePairs(images, max_gap_days=10)
    assert {int(pairs.epoch(epoch).query[0]) for epoch in range(30)} == {0, 1}
    assert pairs.real_share == 1.0


def test_weights_follow_the_gap():
    images = table(["a"] * 3, days=[0, 9, 99])
    pairs = PlacePairs(images, per="image", gap_weight=1.0)
    keys = np.array([pairs.epoch(epoch).key[pairs.epoch(epoch).query == 0][0] for epoch in range(2000)])
    # weights 10 and 100
    assert np.mean(keys == 2) == pytest.approx(100 / 110, abs=0.02)


def test_the_same_seed_and_epoch_give_the_same_pairs():
    images = table(list("aabbccdd"))
    a, b = PlacePairs(images, seed=3), PlacePairs(images, seed=3)
    for epoch in range(3):
        np.testing.assert_array_equal(a.epoch(epoch), b.epoch(epoch))
    assert any(not np.array_equal(a.epoch(e), a.epoch(e + 1)) for e in range(4))
    other = PlacePairs(images, seed=4)
    assert any(not np.array_equal(a.epoch(e), other.epoch(e)) for e in range(4))


def test_places_with_one_picture_pair_it_with_itself(caplog):
    with caplog.at_level(logging.WARNING):
        pairs = PlacePairs(table(list("abc")))
    query, key = pairs.epoch(0)
    np.testing.assert_array_equal(query, key)
    assert pairs.real_share == 0.0
    assert "Check place_id" in caplog.text


def test_without_temporal_positives_nothing_is_warned_of(caplog):
    with caplog.at_level(logging.WARNING):
        pairs = PlacePairs(table(list("aabb")), temporal=False)
    query, key = pairs.epoch(0)
    np.testing.assert_array_equal(query, key)
    assert len(query) == 2
    assert not caplog.text


def test_missing_places_are_each_their_own():
    pairs = PlacePairs(table(["a", "a", None, None]))
    assert len(pairs) == 3
    assert pairs.real_share == pytest.approx(1 / 3)


def test_seasons_know_the_hemisphere():
    times = pd.to_datetime(["2020-01-10", "2020-04-10", "2020-07-10", "2020-12-01"], utc=True)
    frame = pd.DataFrame({"captured_at": times})
    assert seasons(frame).tolist() == [0, 1, 2, 0]
    south = gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy([0] * 4, [-30] * 4), crs=4326)
    assert seasons(south).tolist() == [2, 3, 0, 2]


def test_same_season_of_any_year():
    images = table(["a"] * 4, days=[0, 366, 180, 546])
    pairs = PlacePairs(images, per="image", same_season=True)
    for epoch in range(5):
        query, key = pairs.epoch(epoch)
        assert dict(zip(query.tolist(), key.tolist())) == {0: 1, 1: 0, 2: 3, 3: 2}


def test_same_picture():
    images = table(list("aab"))
    pairs = SamePicture(images)
    query, key = pairs.epoch(1)
    np.testing.assert_array_equal(query, key)
    assert sorted(query) == [0, 1, 2]
    assert len(SamePicture(images, per="place").epoch(0).query) == 2
    assert len(SamePicture(images.drop(columns="place_id"))) == 3


@pytest.mark.parametrize(
    ("column", "options"),
    [
        ("place_id", {}),
        ("captured_at", {"min_gap_days": 1}),
        ("captured_at", {"gap_weight": 1.0}),
        ("captured_at", {"same_season": True}),
        ("sensor", {"same_sensor": True}),
    ],
)
def test_missing_columns_are_named(column, options):
    images = table(list("aabb"), days=[1, 2, 3, 4], sensors=list("xxyy")).drop(columns=column)
    with pytest.raises(MissingColumnError, match=f"no column '{column}'"):
        PlacePairs(images, **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"per": "visit"}, "choose 'place'"),
        ({"min_gap_days": -1}, "in days"),
        ({"min_gap_days": 5, "max_gap_days": 1}, "in days"),
    ],
)
def test_options_are_checked(options, said):
    with pytest.raises(InputError, match=said):
        PlacePairs(table(list("aabb"), days=[1, 2, 3, 4]), **options)


def test_empty_table():
    with pytest.raises(InputError, match="empty"):
        PlacePairs(table([]))


def test_card_is_json_of_all_settings():
    card = PlacePairs(table(list("aab"), days=[1, 2, 3]), max_gap_days=30).card()
    assert card["max_gap_days"] == 30
    assert card["real_share"] == 0.5
