"""What the API may say of a picture, and what a journal of any age may hold, becomes a table."""

import io
import json

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood.tables.mapillary.records import creator_of, images_of, record_of, text

numbers = st.integers() | st.floats() | st.integers(10**300, 10**320)
texts = st.text(st.characters(), max_size=8)  # half surrogate pairs too
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
place = st.fixed_dictionaries({"coordinates": st.lists(numbers | values, max_size=3) | values})
answers = st.fixed_dictionaries(
    {},
    optional={
        "id": st.integers(1, 9).map(str) | values,
        "geometry": place | values,
        "computed_geometry": place | values,
        "captured_at": numbers | values,
        "compass_angle": numbers | values,
        "computed_compass_angle": numbers | values,
        "sequence": texts | values,
        "is_pano": values,
        "creator": st.dictionaries(st.just("username"), values) | values,
    },
)
GOOD = {
    "id": "77",
    "geometry": {"type": "Point", "coordinates": [36.81, -1.3]},
    "captured_at": 1514764800000,
    "compass_angle": 350.5,
    "sequence": "s",
    "is_pano": True,
    "creator": {"username": "someone"},
}


def check(table):
    """The good record is there as it was, and the table can be written."""
    assert table["image_id"].is_unique and table.geometry.is_valid.all() and table.crs == "EPSG:4326"
    assert table["heading"].dropna().between(0, 360).all()
    one = table.set_index("image_id").loc["77"]
    assert (one.geometry.x, one.geometry.y, one["heading"]) == (36.81, -1.3, 350.5)
    assert one["captured_at"] == pd.Timestamp("2018-01-01T00:00:00Z") and one["is_pano"]
    assert one["creator"] == "someone" and one["sequence_id"] == "s"
    table.to_parquet(io.BytesIO())


@settings(max_examples=60, deadline=None)
@given(st.lists(answers.filter(lambda one: text(one.get("id")) != "77"), max_size=4))
def test_odd_records_cost_no_other(odd):
    heard = json.loads(json.dumps([*odd, GOOD]))
    kept = json.loads(json.dumps([record_of(one) for one in heard]))
    table = images_of(kept)
    check(table)
    pd.testing.assert_frame_equal(images_of(record_of(one) for one in heard), table)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(sorted(record_of(GOOD))), values), max_size=4))
def test_old_journals_may_hold_anything(odd):
    some = [one for one in odd if text(one.get("image_id")) != "77"]
    check(images_of([*some, record_of(GOOD)]))


def test_the_creator():
    for odd in (None, "someone", ["someone"], {}, {"username": None}, {"username": True}):
        assert creator_of({"creator": odd}) is None
    assert creator_of({}) is None and creator_of({"creator": {"username": " 7 "}}) == "7"


def test_nothing_usable_is_an_empty_table():
    nowhere = {"type": "Point", "coordinates": [0, 0]}
    for odd in ([], [{}], [GOOD | {"id": None}, GOOD | {"geometry": 1}], [GOOD | {"geometry": nowhere}]):
        table = images_of(record_of(one) for one in odd)
        assert table.empty and str(table["captured_at"].dtype).endswith("UTC]") and "attribution" in table
