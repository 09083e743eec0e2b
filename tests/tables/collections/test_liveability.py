import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood.errors import InputError, MissingColumnError, TableError, TooManyRejectedError
from geolivelihood.tables.collections.liveability import SCORES, grid_cells, read_liveability

from .layouts import liveability


def edited(root: Path, change) -> Path:
    path = root / "grid_geosplit_not_rescaled.geojson"
    content = json.loads(path.read_text())
    change(content["features"])
    path.write_text(json.dumps(content))
    return root


def test_cell_of_the_spec() -> None:
    assert grid_cells([[121834.7, 487266.2]]).tolist() == [[121800, 487200, 121900, 487300]]


@settings(deadline=None)
@given(st.floats(-1e5, 3e5, allow_subnormal=False), st.floats(0, 7e5, allow_subnormal=False))
def test_a_cell_holds_its_centroid(x: float, y: float) -> None:
    west, south, east, north = grid_cells([[x, y]])[0]
    assert west <= x < east and south <= y < north
    assert east - west == north - south == 100 and west % 100 == south % 100 == 0


@pytest.mark.parametrize("crs", [None, "urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:EPSG::28992"])
def test_the_table_whatever_crs_the_file_claims(tmp_path: Path, crs: str | None) -> None:
    table = read_liveability(liveability(tmp_path, crs=crs))
    assert table["split"].tolist() == ["train", "val", "test", "train"]
    assert table["region"].tolist() == table["region_name"].tolist() == ["Amsterdam"] * 2 + ["Amersfoort"] * 2
    assert table["population"].tolist() == [0, 1, 2, 3]
    assert all(table[name].dtype == np.float64 for name in SCORES)
    np.testing.assert_allclose(table["rlbrmtr"], [4.0, 4.1, 4.2, 4.3])
    assert table["place_id"].tolist() == table["image_id"].tolist()
    assert all(Path(path).is_file() and path.endswith(".tiff") for path in table["path"])
    assert table.crs.to_epsg() == 4326
    bounds = table.to_crs("EPSG:28992").geometry.iloc[0].bounds
    np.testing.assert_allclose(bounds, [121800, 487200, 121900, 487300], atol=0.01)


def test_splits(tmp_path: Path) -> None:
    root = liveability(tmp_path)
    assert read_liveability(root, split="train")["region"].tolist() == ["Amsterdam", "Amersfoort"]
    with pytest.raises(InputError, match="it has train, val, test"):
        read_liveability(root, split="dev")


def test_bad_rows_are_set_aside(tmp_path: Path) -> None:
    root = liveability(tmp_path)
    names = [path.stem for path in sorted(root.glob("*/*.tiff"))]

    def spoil(features) -> None:
        features[0]["properties"]["rlbwon"] = "good"
        features[1]["geometry"] = None

    edited(root, spoil)
    (root / "Amersfoort" / f"{names[0]}.tiff").unlink()
    told: list[pd.DataFrame] = []
    table = read_liveability(root, max_rejected=0.8, on_rejected=told.append)
    assert len(table) == 1
    reasons = told[0]["reason"].tolist()
    assert sorted(text.partition(":")[0] for text in reasons) == [
        "lies outside the Dutch grid",
        "rlbwon is no finite number",
        "there is no such file",
    ]
    with pytest.raises(TooManyRejectedError, match="3 of 4"):
        read_liveability(root)


def test_missing_scores_stay_missing(tmp_path: Path) -> None:
    root = edited(liveability(tmp_path), lambda features: features[0]["properties"].update(rlbwon=None))
    assert read_liveability(root)["rlbwon"].isna().tolist() == [True, False, False, False]


def test_coordinates_that_are_none_are_refused(tmp_path: Path) -> None:
    degrees = liveability(tmp_path / "a", centres=[(4.9, 52.37), (5.4, 52.1)])
    with pytest.raises(InputError, match="are in degrees"):
        read_liveability(degrees)
    swapped = liveability(tmp_path / "b", centres=[(487266.2, 121834.7), (463050, 155050)])
    with pytest.raises(InputError, match="x and y swapped"):
        read_liveability(swapped)
    away = liveability(tmp_path / "c", centres=[(4e6, 3e6), (4e6, 3.1e6)])
    with pytest.raises(InputError, match="lie outside the Dutch grid"):
        read_liveability(away)


def test_another_layout_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_liveability(tmp_path / "absent")
    with pytest.raises(InputError, match=r"grid_geosplit_not_rescaled\.geojson does not exist"):
        read_liveability(tmp_path)
    root = liveability(tmp_path)
    grid = root / "grid_geosplit_not_rescaled.geojson"
    moved = tmp_path / "elsewhere.geojson"
    moved.write_bytes(grid.read_bytes())
    assert len(read_liveability(root, grid=moved)) == 4
    twice = edited(root, lambda features: features[1]["properties"].update(features[0]["properties"]))
    with pytest.raises(TableError, match="used more than once"):
        read_liveability(twice)
    edited(root, lambda features: [feature["properties"].pop("rlbvei") for feature in features])
    with pytest.raises(MissingColumnError, match=r"no column 'rlbvei'"):
        read_liveability(root)
    edited(root, lambda features: features.clear())
    with pytest.raises(InputError):
        read_liveability(root)
    grid.write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        read_liveability(root)
