from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from geopandas.testing import assert_geoseries_equal

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError, TableError
from geolivelihood.tables import read_images
from geolivelihood.tables.images import require_paths

STREETSCAPES = {
    "uuid": "image_id",
    "lon": "longitude",
    "lat": "latitude",
    "datetime_local": "captured_at",
    "hFoV": "fov",
    "projection_type": "projection",
}


@pytest.fixture
def photos() -> gpd.GeoDataFrame:
    frame = pd.DataFrame({"image_id": ["007", "b"], "path": ["a.jpg", "b.jpg"], "heading": [370.0, -10.0]})
    return gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy([36.8, 36.9], [-1.3, -1.2]), crs="EPSG:4326")


def write_csv(target: Path, **columns) -> Path:
    given = {
        "image_id": ["a", "b"],
        "path": ["a.jpg", "b.jpg"],
        "longitude": [36.8, 36.9],
        "latitude": [-1.3, -1.2],
    }
    pd.DataFrame(given | columns).to_csv(target, index=False)
    return target


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".parquet"])
def test_vector_files(tmp_path: Path, photos: gpd.GeoDataFrame, suffix: str) -> None:
    path = tmp_path / f"photos{suffix}"
    moved = photos if suffix == ".geojson" else photos.to_crs("EPSG:32737")
    moved.to_parquet(path) if suffix == ".parquet" else moved.to_file(path)
    table, rejected = read_images(path)
    assert rejected.empty
    assert table.crs == "EPSG:4326"
    assert table["image_id"].tolist() == ["007", "b"]
    assert table["kind"].tolist() == ["street", "street"]
    assert table["heading"].tolist() == [10.0, 350.0]
    assert [Path(p) for p in table["path"]] == [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    np.testing.assert_allclose(table.geometry.x, [36.8, 36.9], atol=1e-7)


def test_footprints_are_overhead(tmp_path: Path, photos: gpd.GeoDataFrame) -> None:
    photos.assign(geometry=photos.to_crs(3857).buffer(100).to_crs(4326)).to_file(tmp_path / "a.gpkg")
    assert set(read_images(tmp_path / "a.gpkg").table["kind"]) == {"overhead"}
    with pytest.raises(TableError, match="footprint"):
        read_images(tmp_path / "a.gpkg", kind="street")


def test_paths_start_from_root(tmp_path: Path) -> None:
    paths = ["x/a.jpg", "https://example.org/a.jpg"]
    path = write_csv(tmp_path / "a.csv", path=paths)
    assert read_images(path, crs=4326, root="pictures").table["path"].tolist() == [
        "pictures/x/a.jpg",
        paths[1],
    ]
    absolute = write_csv(tmp_path / "b.csv", path=["/data/a.jpg", "t.tar!a.jpg"])
    assert read_images(absolute, crs=4326, root="r").table["path"].tolist() == [
        "/data/a.jpg",
        "r/t.tar!a.jpg",
    ]


def test_pictures_named_by_their_ids(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    pd.DataFrame({"id": ["01", "02"], "lon": [1.0, 2.0], "lat": [1.0, 2.0]}).to_csv(path, index=False)
    checked = read_images(
        path, columns={"id": "image_id"}, crs=4326, files="photos/{image_id}.jpeg", root="r"
    )
    assert checked.table["path"].tolist() == ["r/photos/01.jpeg", "r/photos/02.jpeg"]
    with pytest.raises(InputError, match="once"):
        read_images(path, columns={"id": "image_id"}, crs=4326, files="photos/")


def test_a_table_need_not_say_where_the_files_are(tmp_path: Path, photos: gpd.GeoDataFrame) -> None:
    path = tmp_path / "mapillary.geojson"
    photos.drop(columns="path").rename(columns={"image_id": "id"}).to_file(path)
    table, rejected = read_images(path, columns={"id": "image_id"})
    assert table["image_id"].tolist() == ["007", "b"]
    assert "path" not in table and rejected.empty
    with pytest.raises(MissingColumnError, match="files='photos/"):
        require_paths(table, path)
    with pytest.raises(MissingColumnError, match="Did you mean 'paths'"):
        require_paths(table.assign(paths="x"), path)
    named = read_images(path, columns={"id": "image_id"}, files="{image_id}.jpg", root="r").table
    require_paths(named, path)
    assert named["path"].tolist() == ["r/007.jpg", "r/b.jpg"]
    blank = read_images(write_csv(tmp_path / "b.csv", path=["a.jpg", ""]), crs=4326)
    assert blank.rejected["reason"].tolist() == ["the path is empty"]


def test_times_become_utc(tmp_path: Path) -> None:
    times = ["2024-07-09 03:24:18.913000+02:00", "2024-06-09 11:19:57+02:00"]
    found = read_images(write_csv(tmp_path / "a.csv", captured_at=times), crs=4326).table["captured_at"]
    assert [time.isoformat() for time in found] == [
        "2024-07-09T01:24:18.913000+00:00",
        "2024-06-09T09:19:57+00:00",
    ]
    mapillary = write_csv(tmp_path / "b.csv", captured_at=[1720488258913, 1717924797000])
    assert (read_images(mapillary, crs=4326).table["captured_at"].to_numpy() == found.to_numpy()).all()
    naive = write_csv(tmp_path / "c.csv", captured_at=["2024-07-09T01:24:18.913", ""])
    naive_times = read_images(naive, crs=4326).table["captured_at"]
    assert naive_times.iloc[0] == found.iloc[0]
    assert pd.isna(naive_times.iloc[1])


def test_rows_that_cannot_be_read_are_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    frame = pd.DataFrame({"image_id": list("abcdef"), "path": "x.jpg", "longitude": 36.0, "latitude": -1.0})
    frame.loc[3, ["longitude", "latitude"]] = 0.0
    frame.loc[4, "latitude"] = np.nan
    frame["captured_at"] = ["2020-01-01", "yesterday", *["2020-01-01"] * 4]
    frame["heading"] = ["0", "0", "north", "0", "0", ""]
    frame.to_csv(path, index=False)
    table, rejected = read_images(path, crs=4326)
    assert table["image_id"].tolist() == ["a", "f"]
    assert rejected.sort_values("row")[["row", "column"]].to_numpy().tolist() == [
        ["b", "captured_at"],
        ["c", "heading"],
        ["d", "geometry"],
        ["e", "geometry"],
    ]
    assert "'yesterday' cannot be read as a time" in rejected["reason"].tolist()


def test_no_row_left_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'noon' cannot be read as a time"):
        read_images(write_csv(tmp_path / "a.csv", captured_at=["noon", "noon"]), crs=4326)


def test_published_layout_by_preset(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    frame = pd.DataFrame(
        {
            "key": ["p1", "p1", "p2", "p3"],
            "country": "ia",
            "unique_cluster": ["ia_1", "ia_2", "ia_1", "ia_2"],
            "ilon": [75.0, 75.0, 75.1, 75.2],
            "ilat": [30.0, 30.0, 30.1, 30.2],
            "lon": 75.05,
            "lat": 30.05,
            "features": ["[19, 19, 255]", "[19, 19, 255]", "[]", "[1.5]"],
            "pov": [0.1, 0.2, 0.1, 0.2],
            "img_path": ["p1.jpg", "p1.jpg", "p2.jpg", "p3.jpg"],
        }
    )
    frame.to_csv(path, index=False)
    table, rejected = read_images(path, columns="street_level_livelihoods")
    assert table["image_id"].tolist() == ["p1", "p1", "p2"]
    assert table["cluster_id"].tolist() == ["ia_1", "ia_2", "ia_1"]
    assert table["detections"].tolist() == [[19, 19, 255], [19, 19, 255], []]
    assert table.geometry.x.tolist() == [75.0, 75.0, 75.1]
    assert rejected["row"].tolist() == ["p3"]
    assert "JSON list" in rejected["reason"].iloc[0]
    frame.drop(columns="img_path").to_csv(path, index=False)
    named = read_images(path, columns="street_level_livelihoods", files="{image_id}.jpg", where={"pov": 0.1})
    assert len(named.table) == 2
    pd.concat([frame, frame.iloc[:1]]).to_csv(path, index=False)
    with pytest.raises(TableError, match="more than once"):
        read_images(path, columns="street_level_livelihoods")


def test_one_broken_list_costs_one_row(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", detections=["[1, 2]", "[1, 2"])
    table, rejected = read_images(path, crs=4326)
    assert table["detections"].tolist() == [[1, 2]]
    assert rejected["row"].tolist() == ["b"]


def test_lists_from_parquet(tmp_path: Path, photos: gpd.GeoDataFrame) -> None:
    photos.assign(detections=[[1, 2], [3]]).to_parquet(tmp_path / "a.parquet")
    assert read_images(tmp_path / "a.parquet").table["detections"].tolist() == [[1, 2], [3]]


def test_nothing_in_a_list_is_executed(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", detections=["[1]", "__import__('os').getcwd()"])
    assert read_images(path, crs=4326).rejected["row"].tolist() == ["b"]


def test_bad_tables(tmp_path: Path, photos: gpd.GeoDataFrame) -> None:
    with pytest.raises(MissingCRSError, match="crs="):
        read_images(write_csv(tmp_path / "a.csv"))
    with pytest.raises(InputError, match="'utm somewhere' is no CRS"):
        read_images(tmp_path / "a.csv", crs="utm somewhere")
    with pytest.raises(InputError, match="no preset"):
        read_images(tmp_path / "a.csv", columns="unheard_of")
    with pytest.raises(InputError, match="does not exist"):
        read_images(tmp_path / "absent.csv", columns="street_level_livelihoods")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InputError, match="empty file"):
        read_images(tmp_path / "empty.csv", crs=4326)
    with pytest.raises(TableError, match="more than once"):
        read_images(write_csv(tmp_path / "b.csv", image_id=["a", "a"]), crs=4326)
    with pytest.raises(MissingColumnError, match="image_id"):
        read_images(write_csv(tmp_path / "c.csv"), columns={"image_id": "name"}, crs=4326)
    with pytest.raises(TableError, match="swapped"):
        read_images(write_csv(tmp_path / "d.csv", longitude=[1.0, 2.0], latitude=[120.0, 121.0]), crs=4326)
    swapped = write_csv(tmp_path / "e.csv", longitude=[-1.3, -1.2], latitude=[36.8, 36.9])
    with pytest.raises(TableError, match="swapped"):
        read_images(swapped, crs=4326, extent=(33, -5, 42, 5))


def test_street_records(shared_data: Path) -> None:
    path = shared_data / "street" / "points.csv"
    table, rejected = read_images(path, columns=STREETSCAPES, crs=4326, files="photos/{image_id}.jpeg")
    assert len(table) == 2319
    assert rejected.empty
    first = table.set_index("image_id").loc["d39b5e69-6291-46fc-a2f8-5947a7e024ee"]
    assert first["captured_at"].isoformat() == "2024-07-09T01:24:18.913000+00:00"
    assert first["heading"] == pytest.approx(29.87899474976217)
    spherical = table["projection"] == "spherical"
    assert (table.loc[spherical, "fov"] == 360).all()
    assert table.loc[~spherical, "fov"].between(44, 125).all()
    assert table["path"].map(lambda p: Path(p).exists()).sum() == 25
    preset = read_images(path, columns="global_streetscapes", files="photos/{image_id}.jpeg").table
    assert_geoseries_equal(preset.geometry, table.geometry)
