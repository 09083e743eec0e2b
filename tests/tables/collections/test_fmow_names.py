import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood.errors import InputError
from geolivelihood.tables.collections.fmow_names import FmowName, paper_pair_key, parse_fmow_name

words = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=8)
categories = st.lists(words, min_size=1, max_size=4).map("_".join)
numbers = st.integers(0, 10**6).map(str)
sensors = st.sampled_from(["rgb", "msrgb", "ms", "pan"])
boxes = st.none() | st.integers(0, 200)


@settings(deadline=None)
@given(
    categories | st.none(), numbers, st.integers(0, 99), sensors, boxes, st.sampled_from(["", ".jpg", ".tif"])
)
def test_names_go_round(category, number, visit, sensor, box, suffix) -> None:
    name = FmowName(category, number, visit, sensor, box)
    assert parse_fmow_name(f"train/a/{name.stem}{suffix}") == name


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("airport_0_3_rgb.jpg", ("airport", "0", 3, "rgb", None)),
        ("multi-unit_residential_12_0_msrgb.jpg", ("multi-unit_residential", "12", 0, "msrgb", None)),
        ("airport_0_3_ms.tif", ("airport", "0", 3, "ms", None)),
        ("airport_0_3_pan.tif", ("airport", "0", 3, "pan", None)),
        ("val/airport/airport_0/airport_0_3_rgb_crop_12.jpg", ("airport", "0", 3, "rgb", 12)),
        ("0012345_7_rgb.jpg", (None, "0012345", 7, "rgb", None)),
    ],
)
def test_both_styles(name: str, parts: tuple) -> None:
    assert parse_fmow_name(name) == parts


@pytest.mark.parametrize(
    "name", ["airport_0_rgb.jpg", "airport_0_3.jpg", "airport_0_3_rgb_crop_.jpg", "IMG_1.tif", ""]
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="no name of an fMoW picture"):
        parse_fmow_name(name)


def test_the_place_and_the_sidecar_of_a_crop() -> None:
    name = parse_fmow_name("airport_0_3_rgb_crop_1.jpg")
    assert (name.place, name.whole, name.stem) == ("airport_0", "airport_0_3_rgb", "airport_0_3_rgb_crop_1")


def test_pair_key_of_the_spec() -> None:
    assert paper_pair_key("airport_0_3_rgb_crop_0.jpg") == ("airport_0", "_rgb_crop_0.jpg")
    with pytest.raises(InputError, match=r"'airp' and 'ort_0_3_rgb\.jpg' of it and finds no pair"):
        paper_pair_key("train/airport/airport_0/airport_0_3_rgb.jpg")
    with pytest.raises(InputError, match="no name of an fMoW picture"):
        paper_pair_key("holiday.jpg")


@settings(deadline=None)
@given(categories, numbers, st.integers(0, 99), st.integers(0, 9))
def test_pair_keys_of_visits_agree(category, number, visit, box) -> None:
    name = FmowName(category, number, visit, "rgb", box)
    prefix, suffix = paper_pair_key(name.stem + ".jpg")
    assert prefix == name.place and suffix == f"_rgb_crop_{box}.jpg"


def test_the_published_rule_pairs_these_with_themselves_only() -> None:
    assert paper_pair_key("airport_0_3_msrgb_crop_0.jpg")[1] == "srgb_crop_0.jpg"
    first, second = (paper_pair_key(f"airport_0_{visit}_rgb_crop_12.jpg") for visit in (3, 4))
    assert first != second
