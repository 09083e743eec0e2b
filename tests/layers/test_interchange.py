"""GeoJSON after RFC 7946, and GeoParquet."""

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geolivelihood.errors import InputError, MissingCRSError, OutputError
from geolivelihood.layers import write_geojson, write_geoparquet


@pytest.fixture
def regions():
    box = shapely.box(30.123456789, -1, 31, 0)  # clockwise or not, the file must be right-handed
    data = {"name": ["Gasabo"], "wealth": [np.nan], "tags": [[1, 2]]}
    data["seen"] = pd.to_datetime(["2020-01-02 03:04:05"]).tz_localize("Africa/Kigali")
    return gpd.GeoDataFrame(data, geometry=[shapely.reverse(box)], crs="EPSG:4326")


def test_geojson_follows_the_standard(tmp_path, regions):
    for frame in (regions, regions.to_crs("EPSG:32736")):
        document = json.loads(write_geojson(tmp_path / "r.geojson", frame).read_text())
        assert "crs" not in document
        (feature,) = document["features"]
        ring = feature["geometry"]["coordinates"][0]
        assert shapely.LinearRing(ring).is_ccw
        assert min(x for x, _ in ring) == pytest.approx(30.1234568, abs=1e-7)
        assert all(len(str(x).partition(".")[2]) <= 7 for pair in ring for x in pair)
        assert feature["properties"]["wealth"] is None
        assert feature["properties"]["seen"].startswith("2020-01-02T01:04:05")
        assert feature["properties"]["tags"] in ([1, 2], "[1, 2]")


def test_geojson_is_cut_at_the_antimeridian(tmp_path):
    fiji = gpd.GeoDataFrame(
        geometry=[shapely.box(-200000, -200000, 200000, 200000)], crs="EPSG:3832"
    ).set_crs("+proj=laea +lon_0=180 +lat_0=-17 +datum=WGS84", allow_override=True)
    document = json.loads(write_geojson(tmp_path / "f.geojson", fiji).read_text())
    shape = shapely.geometry.shape(document["features"][0]["geometry"])
    assert shape.geom_type == "MultiPolygon"
    assert all(part.bounds[2] - part.bounds[0] < 10 for part in shape.geoms)


def test_cells_go_out_as_hex_names(tmp_path):
    frame = pd.DataFrame({"a": [1.5]}, index=pd.Index(np.array([0x871F1D489FFFFFF], np.uint64), name="cell"))
    document = json.loads(write_geojson(tmp_path / "c.geojson", frame).read_text())
    assert document["features"][0]["properties"]["cell"] == "871f1d489ffffff"
    assert gpd.read_parquet(write_geoparquet(tmp_path / "c.parquet", frame))["cell"][0] == "871f1d489ffffff"


def test_geoparquet_keeps_crs_and_lists(tmp_path, regions):
    metric = regions.to_crs("EPSG:32736")
    back = gpd.read_parquet(write_geoparquet(tmp_path / "r.parquet", metric))
    assert back.crs == metric.crs
    assert back["tags"][0].tolist() == [1, 2]
    table = pd.read_parquet(write_geoparquet(tmp_path / "t.parquet", pd.DataFrame({"a": [1]})))
    assert table["a"].tolist() == [1]


def test_the_same_input_gives_the_same_bytes(tmp_path, regions):
    for write, suffix in ((write_geojson, "geojson"), (write_geoparquet, "parquet")):
        first = write(tmp_path / f"a.{suffix}", regions).read_bytes()
        assert write(tmp_path / f"a.{suffix}", regions).read_bytes() == first


def test_bad_input_leaves_nothing(tmp_path, regions):
    with pytest.raises(MissingCRSError):
        write_geojson(tmp_path / "a.geojson", regions.set_crs(None, allow_override=True))
    with pytest.raises(InputError, match="no geometry"):
        write_geojson(tmp_path / "a.geojson", pd.DataFrame({"a": [1]}))
    kept = tmp_path / "kept.geojson"
    kept.write_text("{}")
    kept.chmod(0o444)
    with pytest.raises(OutputError, match="read-only"):
        write_geojson(kept, regions)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.geojson"]
