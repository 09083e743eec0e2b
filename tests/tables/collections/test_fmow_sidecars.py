import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geolivelihood.tables.collections.fmow_sidecars import read_sidecars, sidecar_paths

from .layouts import ring, sidecar


def told(folder: Path, content: object, *, box: object = pd.NA) -> tuple[pd.Series, object]:
    path = folder / "a.json"
    path.write_text(json.dumps(content))
    table, faults = read_sidecars(pd.Series([str(path)]), pd.Series([box], dtype="Int64"))
    return table.iloc[0], faults.iloc[0]


def test_a_whole_picture(tmp_path: Path) -> None:
    row, fault = told(tmp_path, sidecar((2.3, 48.8)))
    assert pd.isna(fault)
    assert row.drop("geometry").to_dict() == {
        "captured_at": "2014-05-06T07:08:09Z",
        "platform": "GEOEYE01",
        "country": "KEN",
        "utm": "37M",
        "gsd": 0.5,
        "cloud_cover": 3.0,
        "category": "airport",
    }
    np.testing.assert_allclose(row["geometry"].bounds, [2.3, 48.8, 2.31, 48.81])


@pytest.mark.parametrize(
    ("box", "share"),
    [
        ([0, 0, 100, 100], (0, 0, 1, 1)),
        ([50, 0, 50, 20], (0.5, 0.8, 1, 1)),  # rows count from the north
        ([0, 90, 10, 10], (0, 0, 0.1, 0.1)),
        ([-20, 50, 60, 500], (0, 0, 0.4, 0.5)),  # boxes may reach beyond the picture
        ([120, 0, 10, 10], (0, 0, 1, 1)),  # and what is no box leaves the whole picture
        ([0, 0, 0, 10], (0, 0, 1, 1)),
        ([0, 0, "a", 10], (0, 0, 1, 1)),
        ("0 0 10 10", (0, 0, 1, 1)),
        (None, (0, 0, 1, 1)),
    ],
)
def test_a_box_in_pixels(tmp_path: Path, box: object, share: tuple[float, ...]) -> None:
    row, fault = told(tmp_path, sidecar((2.0, 48.0), bounding_boxes=[{"box": box}]), box=0)
    assert pd.isna(fault)
    expected = np.array([2.0, 48.0, 2.0, 48.0]) + 0.01 * np.array(share)
    np.testing.assert_allclose(row["geometry"].bounds, expected, atol=1e-9)


def test_a_box_across_the_antimeridian(tmp_path: Path) -> None:
    across = "POLYGON ((179.99 -18, -179.99 -18, -179.99 -17.98, 179.99 -17.98, 179.99 -18))"
    boxes = [{"box": [75, 0, 25, 100]}, {"box": [25, 0, 50, 100]}]
    content = sidecar((0, 0), raw_location=across, bounding_boxes=boxes)
    east, _ = told(tmp_path, content, box=0)
    np.testing.assert_allclose(east["geometry"].bounds, [-179.995, -18, -179.99, -17.98])
    both, _ = told(tmp_path, content, box=1)
    assert both["geometry"].geom_type == "MultiPolygon"
    assert both["geometry"].area == pytest.approx(0.01 * 0.02)


def test_the_other_name_of_the_location(tmp_path: Path) -> None:
    row, _ = told(tmp_path, sidecar((0, 0), raw_location=None, polygon=ring(5, 6)))
    np.testing.assert_allclose(row["geometry"].bounds, [5, 6, 5.01, 6.01])


def test_where_side_cars_are_looked_for(tmp_path: Path) -> None:
    picture = tmp_path / "rgb" / "train" / "zoo" / "zoo_0" / "zoo_0_1_rgb_crop_0.jpg"
    inner = "train/zoo/zoo_0"
    places = [picture.parent, tmp_path / "gt" / "zoo" / "zoo_0", tmp_path / "gt" / inner]
    row = [pd.Series([text]) for text in (str(picture), "zoo_0_1_rgb", inner)]
    assert sidecar_paths(*row, metadata=None).isna().all()
    for place in places:  # each counts more than the one before
        place.mkdir(parents=True, exist_ok=True)
        (place / "zoo_0_1_rgb.json").write_text("{}")
        assert sidecar_paths(*row, metadata=tmp_path / "gt").tolist() == [str(place / "zoo_0_1_rgb.json")]
    assert sidecar_paths(*row, metadata=None).tolist() == [str(picture.parent / "zoo_0_1_rgb.json")]


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(ring(1, 2))
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner)
)
keys = st.sampled_from(sorted(sidecar((0, 0))))
boxes = st.fixed_dictionaries({}, optional={"box": anything, "category": anything, "raw_location": anything})


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(keys, anything, max_size=6), st.lists(boxes, max_size=2), st.integers(0, 2) | st.none()
)
def test_no_content_stops_the_reading(tmp_path: Path, changes, listed, box) -> None:
    for content in (sidecar((1, 2)) | changes, sidecar((1, 2), bounding_boxes=listed), [changes], changes):
        row, fault = told(tmp_path, content, box=pd.NA if box is None else box)
        shape = row["geometry"]
        assert shape is None or shape.geom_type in ("Polygon", "MultiPolygon")
        assert pd.isna(fault) or isinstance(fault, str)
        assert all(value is None or isinstance(value, str | float) for value in row.drop("geometry"))
