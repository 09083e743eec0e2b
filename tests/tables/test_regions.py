import geopandas as gpd
import pytest
import shapely

from geolivelihood.errors import MissingColumnError, MissingCRSError, TableError
from geolivelihood.tables.regions import read_regions


@pytest.fixture
def frame():
    boxes = [shapely.box(i, 0, i + 1, 1) for i in range(3)]
    return gpd.GeoDataFrame(
        {"code": ["01", "02", "03"], "label": ["North", "South", "South"]}, geometry=boxes, crs="EPSG:4326"
    )


def test_names_and_ids(frame, tmp_path):
    frame.to_crs(3857).to_file(tmp_path / "r.gpkg")
    table, rejected = read_regions(tmp_path / "r.gpkg", name="label", id="code")
    assert table["region_id"].tolist() == ["01", "02", "03"]
    assert table["name"].tolist() == ["North", "South", "South"]
    assert table.crs == "EPSG:4326"
    assert rejected.empty


def test_names_serve_as_ids_only_when_unique(frame, tmp_path):
    path = tmp_path / "r.gpkg"
    frame.to_file(path)
    with pytest.raises(TableError, match="more than once"):
        read_regions(path, name="label")
    table, _ = read_regions(path, name="label", where={"code": ["01", "02"]})
    assert table["region_id"].tolist() == ["North", "South"]


def test_unknown_name_column(frame, tmp_path):
    frame.to_file(tmp_path / "r.gpkg")
    with pytest.raises(MissingColumnError, match="Did you mean 'label'"):
        read_regions(tmp_path / "r.gpkg", name="labl")


def test_no_crs(frame, tmp_path):
    frame.set_crs(None, allow_override=True).to_file(tmp_path / "r.shp")
    with pytest.raises(MissingCRSError, match="crs="):
        read_regions(tmp_path / "r.shp", name="label", id="code")


def test_points_are_no_regions(frame, tmp_path):
    frame.set_geometry(frame.representative_point()).to_file(tmp_path / "r.gpkg")
    with pytest.raises(TableError, match="must be a Polygon"):
        read_regions(tmp_path / "r.gpkg", name="label", id="code")


@pytest.mark.filterwarnings("ignore:repaired the rings")
def test_brazil(shared_data):
    path = shared_data / "brazil" / "brazil_states_ne50m.geojson"
    table, rejected = read_regions(path, name="name", id="iso_3166_2")
    assert len(table) == 27
    assert rejected.empty
    assert table.geometry.is_valid.all()
