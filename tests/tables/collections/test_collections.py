"""What holds of every reader."""

import inspect
from pathlib import Path

import pytest

from geolivelihood.errors import InputError
from geolivelihood.tables import check_images
from geolivelihood.tables.collections import COLLECTIONS, LABELS

from .layouts import flair, fmow, geoimagenet, income_squares, liveability

LAYOUTS = {
    "fmow": fmow,
    "geoimagenet": geoimagenet,
    "income_squares": income_squares,
    "liveability": liveability,
    "flair": flair,
    "geotiffs": flair,
}


PICTURES = [name for name in COLLECTIONS if name not in LABELS]  # those with drawings have tests of their own


@pytest.mark.parametrize("name", PICTURES)
def test_the_table_keeps_the_contract(tmp_path: Path, name: str) -> None:
    table = COLLECTIONS[name](LAYOUTS[name](tmp_path))
    again, rejected = check_images(table)
    assert rejected.empty and len(again) == len(table)
    assert table.crs.to_epsg() == 4326 and table.index.tolist() == list(range(len(table)))
    for column in ("image_id", "path", "kind", "place_id", "sensor", "split", "region"):
        assert column not in table or table[column].dropna().map(type).eq(str).all(), column
    if name != "geotiffs":
        assert table["place_id"].notna().all()


@pytest.mark.parametrize("name", PICTURES)
def test_the_options_that_all_readers_have(tmp_path: Path, name: str) -> None:
    options = inspect.signature(COLLECTIONS[name]).parameters
    assert list(options)[:2] == ["root", "split"] and {"max_rejected", "on_rejected"} <= set(options)
    for folder in (tmp_path / "absent", tmp_path):
        with pytest.raises(InputError):
            COLLECTIONS[name](folder)
