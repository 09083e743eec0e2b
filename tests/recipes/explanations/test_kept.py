"""What was explained of a result stays while the result is the same, and goes with it."""

import geopandas as gpd
import pyogrio
import pytest
import shapely

from geolivelihood.layers import read_provenance, write_geopackage
from geolivelihood.recipes import run_project

pytestmark = pytest.mark.xdist_group("recipes")
BARE = {"uncertainty": "none", "applicability": False, "explanations": False, "output.report": False}


def layer_names(path):
    return {name for name, _ in pyogrio.list_layers(path)}


def test_a_run_keeps_what_was_explained_of_the_same_result_only(geographic):
    project = geographic()
    first = run_project(project, overrides=BARE)
    document = read_provenance(first.geopackage)
    peaks = gpd.GeoDataFrame({"rank": [1]}, geometry=[shapely.Point(39, -6)], crs="EPSG:4326")
    entry = {"method": "signed_cam", "model": "knn", "target": "wealth", "layers": ["explanations_peaks"]}
    listed = [{"name": "explanations_peaks"}, *document["layers"]]
    write_geopackage(
        first.geopackage,
        {"explanations_peaks": peaks},
        provenance=document | {"explanations": [entry], "layers": listed},
        mode="update",
    )
    again = run_project(project, overrides=BARE)
    assert "explanations_peaks" in layer_names(again.geopackage)
    kept = read_provenance(again.geopackage)
    assert kept["explanations"] == [entry] and kept["layers"][0]["name"] == "explanations_peaks"
    other = run_project(project, overrides=BARE | {"validation.folds": 2})
    assert "explanations_peaks" not in layer_names(other.geopackage)
    changed = read_provenance(other.geopackage)
    assert changed["explanations"] == [] and changed["run_id"] != kept["run_id"]
