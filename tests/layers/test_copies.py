"""Layers in a file of their own."""

import geopandas as gpd
import pytest
import shapely

from geolivelihood.errors import InputError, OutputError
from geolivelihood.layers import copy_layers, layer_names, read_provenance, read_styles, write_geopackage


@pytest.fixture
def result(tmp_path):
    places = gpd.GeoDataFrame({"wealth": [1.0, 2.0]}, geometry=shapely.points([[0, 0], [1, 1]]), crs=4326)
    provenance = {"command": "test", "seed": 3}
    return write_geopackage(
        tmp_path / "r.gpkg", {"clusters": places, "images": places}, provenance=provenance
    )


def test_styles_and_provenance_come_along(result, tmp_path):
    copied = copy_layers(result, tmp_path / "shared" / "c.gpkg", ["clusters"])
    assert layer_names(copied) == ["clusters"]
    assert read_styles(copied, "clusters") == read_styles(result, "clusters") != []
    assert read_provenance(copied)["seed"] == 3


def test_a_target_that_exists_is_refused(result, tmp_path):
    with pytest.raises(OutputError, match="exists"):
        copy_layers(result, result, ["clusters"])


def test_no_geopackage(tmp_path):
    (tmp_path / "x.gpkg").write_text("no")
    with pytest.raises(InputError, match="cannot be read"):
        layer_names(tmp_path / "x.gpkg")
