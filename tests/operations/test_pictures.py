"""Operations on pictures: vectors, links, photos from Mapillary."""

import importlib.util
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from PIL import Image

from geolivelihood.errors import EnvironmentMissingError, InputError, OutputError, TooManyRejectedError
from geolivelihood.features import FeatureStore
from geolivelihood.operations.pictures import download_photos


def layer(path, name=None):
    return {"path": str(path), "layer": name}


@pytest.fixture
def exported(country, tmp_path):
    """Ten photos as a GIS program exports them: other names, a projected CRS, no id, another folder."""
    photos = pd.read_csv(country.photos).head(10)
    points = gpd.GeoDataFrame(
        {"foto": photos["path"], "heading": photos["heading"]},
        geometry=gpd.points_from_xy(photos["lon"], photos["lat"]),
        crs="EPSG:4326",
    )
    path = tmp_path / "export.gpkg"
    points.to_crs("EPSG:3857").to_file(path, layer="auswahl é")
    return path


def test_a_layer_without_ids_is_embedded_and_gone_on_with(ask, exported, country, tmp_path):
    told = {"pictures": layer(exported, "auswahl é"), "file": "foto", "photos": str(country.folder)}
    first = ask("embed", tmp_path / "store", encoder="summary", **told)
    assert first["outputs"] == {"folder": str(tmp_path / "store")}
    store = FeatureStore(tmp_path / "store").read()
    assert first["vectors"] == len(store) == 10 - first["rejected"]
    assert set(store.index) <= {str(number) for number in range(1, 11)}
    again = ask("embed", tmp_path / "store", encoder="summary", **told)
    assert again["vectors"] == first["vectors"]


def test_how_many_pictures_may_fail_can_be_told(ask, tmp_path):
    places = [f"p{number},{number}.jpg,3{number},1\n" for number in range(4)]
    table = tmp_path / "photos.csv"
    table.write_text("image_id,path,lon,lat\n" + "".join(places))
    for number in range(4):
        Image.new("RGB", (32, 32), (60 * number, 9, 9)).save(tmp_path / f"{number}.jpg")
    (tmp_path / "1.jpg").write_bytes(b"no picture")
    told = {"pictures": {"path": str(table), "layer": None}, "crs": "EPSG:4326", "encoder": "summary"}
    with pytest.raises(TooManyRejectedError, match="1 of 4 pictures"):
        ask("embed", tmp_path / "strict", **told)
    assert ask("embed", tmp_path / "store", max_rejected=0.5, **told)["vectors"] == 3


def test_embedding_needs_pictures(ask, tmp_path):
    with pytest.raises(InputError, match="Say which pictures"):
        ask("embed", tmp_path / "store")


def test_links_between_the_pictures_of_a_layer(ask, exported, tmp_path):
    out = tmp_path / "links.gpkg"
    made = ask("build_graph", out, pictures=layer(exported, "auswahl é"), neighbours=2)
    edges = gpd.read_file(out, layer="edges")
    assert len(edges) == 20 and (edges["distance_m"] >= 0).all()
    assert [one["title"] for one in made["layers"]] == ["Pictures", "Links between pictures"]
    with pytest.raises(OutputError, match="exists"):
        ask("build_graph", out, pictures=layer(exported, "auswahl é"))


def test_a_missing_token_says_where_it_goes(ask, monkeypatch, tmp_path):
    monkeypatch.delenv("MAPILLARY_TOKEN", raising=False)
    with pytest.raises(EnvironmentMissingError, match="MAPILLARY_TOKEN is not set"):
        ask("download_photos", tmp_path / "photos", extent=[36.8, -1.3, 36.81, -1.29])
    assert not (tmp_path / "photos").exists()


@pytest.fixture
def server(monkeypatch):
    """The small server that the tests of the download use."""
    place = Path(__file__).parents[1] / "tables" / "mapillary" / "conftest.py"
    spec = importlib.util.spec_from_file_location("fake_mapillary", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setenv("MAPILLARY_TOKEN", module.TOKEN)
    fake = module.FakeMapillary()
    fake.photos = [module.photo(number, 36.80 + number / 1000, -1.29) for number in range(1, 4)]
    yield fake
    fake.close()


def test_photos_of_an_area_come_with_their_table(server, tmp_path):
    folder = tmp_path / "photos été"
    told = {"start": None, "end": None, "panoramas": False, "size": "2048", "by": "boxes"}
    extent = [36.79, -1.3, 36.81, -1.28]
    listed = download_photos(folder, extent=extent, list_only=True, server=server.url, **told)
    assert listed["photos"] == 3 and listed["outputs"] == {"folder": str(folder)}
    made = download_photos(folder, extent=extent, list_only=False, server=server.url, **told)
    table = gpd.read_parquet(made["table"])
    assert len(table) == 3 and all((folder / path).is_file() for path in table["path"])
