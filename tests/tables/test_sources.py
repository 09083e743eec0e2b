"""Tables as GIS programs write them: layers by name, multipoints, no ids."""

import geopandas as gpd
import pandas as pd
import pytest
from shapely import MultiPoint, Point

from geolivelihood.errors import InputError
from geolivelihood.tables import read_clusters, read_images, read_regions
from geolivelihood.tables.sources import read_rows, read_table

CRS = "EPSG:4326"


@pytest.fixture
def frame():
    shapes = [Point(37, -1), Point(37.1, -1.1)]
    return gpd.GeoDataFrame({"name": ["a", "b"], "wealth": [1.0, 2.0]}, geometry=shapes, crs=CRS)


def test_the_only_layer_of_a_geopackage_has_its_name(frame, tmp_path):
    frame.to_file(tmp_path / "c.gpkg", layer="clusters")
    assert len(read_table(tmp_path / "c.gpkg", layer="clusters")) == 2
    with pytest.raises(InputError, match="no layer 'photos'; it has: clusters"):
        read_table(tmp_path / "c.gpkg", layer="photos")


@pytest.mark.parametrize("suffix", [".geojson", ".shp", ".parquet"])
def test_a_file_with_one_table_needs_no_right_name(frame, tmp_path, suffix):
    path = tmp_path / f"cluster{suffix}"
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_file(path)
    for layer in (None, "cluster", "something else"):
        read = read_table(path, layer=layer)
        assert list(read["name"]) == ["a", "b"] and read.crs == CRS


def test_a_csv_takes_any_layer_name(frame, tmp_path):
    table = frame.drop(columns="geometry").assign(lon=frame.geometry.x, lat=frame.geometry.y, fid=[1, 2])
    table.to_csv(tmp_path / "c.csv", index=False)
    assert len(read_table(tmp_path / "c.csv", layer="c", crs=CRS)) == 2
    assert len(read_rows(tmp_path / "c.csv", layer="c")) == 2


def test_layers_are_read_by_name(frame, tmp_path):
    path = tmp_path / "zwei.gpkg"
    frame.to_file(path, layer="first")
    frame.assign(name=["c", "d"]).to_file(path, layer="zweite Ebene é")
    assert list(read_table(path, layer="zweite Ebene é")["name"]) == ["c", "d"]
    with pytest.raises(InputError, match="no layer 'third'; it has: first, zweite Ebene é"):
        read_table(path, layer="third")


def test_multipoints_of_one_part_are_points(frame, tmp_path):
    several = MultiPoint([(0, 1), (1, 2)])
    many = frame.set_geometry([MultiPoint([frame.geometry[0]]), several])
    many.to_file(tmp_path / "m.gpkg", layer="m")
    assert list(read_table(tmp_path / "m.gpkg").geom_type) == ["Point", "MultiPoint"]
    checked = read_clusters(tmp_path / "m.gpkg", indicators=["wealth"], numbered=True)
    assert list(checked.table["cluster_id"]) == ["1"] and "MultiPoint" in checked.rejected["reason"][0]


def test_rows_without_ids_are_numbered_on_request(frame, tmp_path):
    path = tmp_path / "p.gpkg"
    frame.to_file(path, layer="photos")
    assert list(read_images(path, layer="photos", numbered=True).table["image_id"]) == ["1", "2"]
    with pytest.raises(InputError, match="no column 'image_id'"):
        read_images(path, layer="photos")
    named = read_images(path, layer="photos", columns={"name": "image_id"}, numbered=True)
    assert list(named.table["image_id"]) == ["a", "b"]


def test_numbers_are_those_of_the_file_whatever_is_kept(frame, tmp_path):
    frame.to_file(tmp_path / "p.gpkg")
    kept = read_clusters(tmp_path / "p.gpkg", indicators=["wealth"], where={"name": "b"}, numbered=True)
    assert list(kept.table["cluster_id"]) == ["2"]


def test_regions_of_a_layer(frame, tmp_path):
    boxes = frame.set_geometry(frame.buffer(0.1))
    frame.to_file(tmp_path / "r.gpkg", layer="points")
    boxes.to_file(tmp_path / "r.gpkg", layer="boxes")
    assert list(read_regions(tmp_path / "r.gpkg", name="name", layer="boxes").table["name"]) == ["a", "b"]


def test_a_table_without_places_is_read_as_it_is(tmp_path):
    pd.DataFrame({"cell": ["0871"], "v": [1]}).to_csv(tmp_path / "t.csv", index=False)
    assert read_rows(tmp_path / "t.csv", text=["cell"])["cell"][0] == "0871"
