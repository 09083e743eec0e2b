import re
import warnings
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.errors import NotGeoreferencedWarning

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError, TooManyRejectedError
from geolivelihood.tables.collections.dated_geotiffs import read_dated_geotiffs
from geolivelihood.tables.places import places_by_distance

from .layouts import geotiff

TAG = "TIFFTAG_DATETIME"


def folder(root: Path) -> Path:
    """Two places, the first at two dates."""
    for split, place, date, x in (
        ("train", "kampala", "20210605", 0),
        ("train", "kampala", "20220701", 0),
        ("test", "gulu", "20210606", 5000),
    ):
        geotiff(root / split / place / f"{place}_{date}.tif", origin=(250_000 + x, 9_860_000))
    return root


def test_places_by_folders_and_times_by_pattern(tmp_path: Path) -> None:
    table = read_dated_geotiffs(
        folder(tmp_path), folders=["split", "place_id"], pattern=r".*_(?P<captured_at>\d{8})\.tif"
    )
    assert table["image_id"].tolist() == [
        "test/gulu/gulu_20210606",
        "train/kampala/kampala_20210605",
        "train/kampala/kampala_20220701",
    ]
    assert table["place_id"].tolist() == ["gulu", "kampala", "kampala"]
    assert table["split"].tolist() == ["test", "train", "train"]
    assert table["captured_at"].dt.strftime("%Y-%m-%d").tolist() == ["2021-06-06", "2021-06-05", "2022-07-01"]
    assert str(table["captured_at"].dt.tz) == "UTC"
    assert table["width"].tolist() == [8, 8, 8] and set(table["kind"]) == {"overhead"}
    assert len(read_dated_geotiffs(tmp_path, split="train", folders=["split"])) == 2
    with pytest.raises(InputError, match="it has test, train"):
        read_dated_geotiffs(tmp_path, split="val", folders=["split"])
    with pytest.raises(InputError, match="nothing there says a split"):
        read_dated_geotiffs(tmp_path, split="val")


def test_nothing_is_read_out_of_names_unasked(tmp_path: Path) -> None:
    table = read_dated_geotiffs(folder(tmp_path))
    assert not {"place_id", "captured_at", "split"} & set(table)
    assert len(set(places_by_distance(table, metres=5)["place_id"])) == 2


def test_everything_by_one_pattern(tmp_path: Path) -> None:
    pattern = re.compile(r"(?P<split>\w+)/(?P<place_id>\w+)/.*_(?P<captured_at>.+)\.tif")
    table = read_dated_geotiffs(folder(tmp_path), pattern=pattern, date_format="%Y%m%d")
    assert table["place_id"].tolist() == ["gulu", "kampala", "kampala"]
    assert table["captured_at"].dt.year.tolist() == [2021, 2021, 2022]


def test_times_by_tag(tmp_path: Path) -> None:
    geotiff(tmp_path / "a.tif", tags={TAG: "2021:06:05 10:30:00"})
    geotiff(tmp_path / "b.tif", tags={TAG: "0000:00:00 00:00:00"})
    geotiff(tmp_path / "c.tif")
    table = read_dated_geotiffs(tmp_path)
    assert table["captured_at"].iloc[0] == pd.Timestamp("2021-06-05T10:30:00Z")
    assert table["captured_at"].isna().tolist() == [False, True, True]
    assert "captured_at" not in read_dated_geotiffs(tmp_path, date_tag=False)
    geotiff(tmp_path / "d.tif", tags={TAG: "last summer"})
    told: list[pd.DataFrame] = []
    assert len(read_dated_geotiffs(tmp_path, max_rejected=0.5, on_rejected=told.append)) == 3
    assert told[0].iloc[0].tolist() == ["d", "captured_at", "cannot be read as a time: last summer"]


def test_what_a_source_says_counts_more_than_the_tag(tmp_path: Path) -> None:
    geotiff(tmp_path / "p_2019-01-02.tif", tags={TAG: "2021:06:05 10:30:00"})
    table = read_dated_geotiffs(tmp_path, pattern=r"(?P<place_id>\w)_(?P<captured_at>.*)\.tif")
    assert table["captured_at"].iloc[0] == pd.Timestamp("2019-01-02T00:00Z")


@pytest.mark.parametrize("key", ["path", "image_id"])
def test_a_table_beside_the_files(tmp_path: Path, key: str) -> None:
    root = folder(tmp_path / "tiffs")
    names = ["test/gulu/gulu_20210606", "train/kampala/kampala_20210605", "absent"]
    rows = pd.DataFrame(
        {
            key: [name + (".tif" if key == "path" else "") for name in names],
            "place_id": ["007", "008", "009"],
            "captured_at": [20210606, 20210605, 20210604],
            "cloud": [1, 2, 3],
        }
    )
    rows.to_csv(tmp_path / "rows.csv", index=False)
    for table in (tmp_path / "rows.csv", rows):
        told: list[pd.DataFrame] = []
        read = read_dated_geotiffs(root, table=table, max_rejected=0.5, on_rejected=told.append)
        assert read["place_id"].iloc[:2].tolist() == ["007", "008"] and pd.isna(read["place_id"].iloc[2])
        assert read["captured_at"].dt.day.iloc[:2].tolist() == [6, 5] and "cloud" not in read
        assert told[0]["row"].iloc[0].startswith("absent") and "no such file" in told[0]["reason"].iloc[0]


def test_sources_that_cannot_be_used(tmp_path: Path) -> None:
    root = folder(tmp_path)
    rows = pd.DataFrame({"path": ["a.tif", "a.tif"], "place_id": ["1", "2"]})
    for options, kind, message in (
        ({"folders": "place_id"}, InputError, r"folders=\['place_id'\]"),
        ({"folders": ["place"]}, InputError, "'place' is no column.*place_id, captured_at"),
        ({"folders": ["split", "split"]}, InputError, "stands there twice"),
        ({"pattern": "(?P<place_id>"}, InputError, "is no regular expression"),
        ({"pattern": r"(\w+)\.tif"}, InputError, "names no group"),
        ({"pattern": r"(?P<date>\w+)\.tif"}, InputError, "'date' is no column"),
        (
            {"folders": ["place_id"], "pattern": r"(?P<place_id>.*)"},
            InputError,
            "folders and pattern both say",
        ),
        ({"table": rows}, InputError, r"names a\.tif more than once"),
        ({"table": rows.drop(columns="path")}, MissingColumnError, "no column path or image_id"),
        ({"table": rows.drop(columns="place_id")}, MissingColumnError, "no column any of place_id"),
        ({"table": tmp_path / "absent.csv"}, InputError, "does not exist"),
    ):
        with pytest.raises(kind, match=message):
            read_dated_geotiffs(root, **options)


def test_files_that_a_source_does_not_fit_are_set_aside(tmp_path: Path) -> None:
    root = folder(tmp_path)
    geotiff(root / "overview.tif")
    geotiff(root / "train" / "kampala" / "kampala_13th.tif")
    told: list[pd.DataFrame] = []
    table = read_dated_geotiffs(
        root,
        folders=["split", "place_id"],
        pattern=r"(?:.*/)?\w+_(?P<captured_at>\w+)\.tif",
        max_rejected=0.5,
        on_rejected=told.append,
    )
    assert len(table) == 3
    assert told[0]["row"].tolist() == ["overview", "overview", "train/kampala/kampala_13th"]
    assert told[0]["reason"].tolist() == [
        "lies in fewer folders than the 2 that are named",
        "the pattern does not match its path",
        "cannot be read as a time: 13th",
    ]
    with pytest.raises(TooManyRejectedError, match="2 of 5"):
        read_dated_geotiffs(root, folders=["split", None], pattern=r"(?:.*/)?\w+_(?P<captured_at>\w+)\.tif")


def test_damaged_files(tmp_path: Path) -> None:
    root = folder(tmp_path)
    geotiff(root / "nowhere.tif", crs=None)
    (root / "empty.tif").write_bytes(b"")
    told: list[pd.DataFrame] = []
    assert len(read_dated_geotiffs(root, max_rejected=0.5, on_rejected=told.append)) == 3
    assert {Path(row).name for row in told[0]["row"]} == {"nowhere.tif", "empty.tif"}
    assert len(read_dated_geotiffs(root, crs="EPSG:32637", max_rejected=0.5)) == 4
    with pytest.raises(MissingCRSError):
        read_dated_geotiffs(geotiff(tmp_path / "b" / "a.tif", crs=None).parent)
    with pytest.raises(InputError, match="does not exist"):
        read_dated_geotiffs(tmp_path / "absent")
    (tmp_path / "c").mkdir()
    with pytest.raises(InputError, match="There is no GeoTIFF"):
        read_dated_geotiffs(tmp_path / "c")


def test_real_files(shared_data: Path) -> None:
    table = read_dated_geotiffs(shared_data / "geotiff", pattern=r"(?P<place_id>[^_.]+).*\.tif")
    assert table["place_id"].tolist() == ["L7", "RGB", "cog", "s2a", "sentinel2"]
    assert table.geometry.is_valid.all() and "captured_at" not in table


segment = st.text("abcXYZ019-.", min_size=1, max_size=6).filter(lambda text: text not in (".", ".."))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(segment, segment), min_size=1, max_size=3, unique=True))
def test_folders_go_round(tmp_path_factory: pytest.TempPathFactory, places: list[tuple[str, str]]) -> None:
    root = tmp_path_factory.mktemp("tiffs")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        for split, place in places:
            geotiff(root / split / place / "a.tif")
    table = read_dated_geotiffs(root, folders=["split", "place_id"])
    assert sorted(zip(table["split"], table["place_id"])) == sorted(places)
