"""Descriptions: complete, plain JSON, the same as those that the plugin carries, and light to import."""

import json
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest

from geolivelihood.errors import InputError
from geolivelihood.operations import DESCRIBED, GROUPS, OPERATIONS, Parameter, descriptions
from geolivelihood.operations.common import own_crs
from geolivelihood.operations.values import Layer

BUNDLED = Path(__file__).parents[2] / "qgis_plugin/geolivelihood_qgis/processing/operations.json"


def test_the_plugin_carries_what_the_library_says(tmp_path):
    target = tmp_path / "operations.json"
    subprocess.run([sys.executable, "-m", "geolivelihood.operations", str(target)], check=True)
    remedy = f"run: python -m geolivelihood.operations {BUNDLED}"
    assert BUNDLED.read_text(encoding="utf-8") == target.read_text(encoding="utf-8"), remedy


def test_descriptions_import_nothing_heavy():
    program = "import sys, geolivelihood.operations; print({'numpy', 'torch', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("told", descriptions(), ids=lambda told: told["id"])
def test_a_form_can_be_made_of_each(told):
    assert json.loads(json.dumps(told)) == told
    assert told["id"] in OPERATIONS and told["group"] in GROUPS
    assert told["title"] and told["help"].endswith(".") and told["tags"]
    assert told["output"]["kind"] in ("geopackage", "folder", "table") and told["output"]["stem"]
    names = [parameter["name"] for parameter in told["parameters"]]
    assert len(set(names)) == len(names) and "out" not in names and "layers" not in names
    for parameter in told["parameters"]:
        assert parameter["title"] and parameter["help"].endswith((".", "3"))
        if parameter["kind"] == "fields":
            assert parameter["of"] in names
        if parameter["kind"] == "choice":
            values = [value for value, _ in parameter["choices"]]
            default = parameter["default"] or []
            assert set(default if isinstance(default, list) else [default]) <= set(values)


@pytest.mark.parametrize("operation", DESCRIBED.values(), ids=lambda operation: operation.id)
def test_defaults_are_values_that_would_be_accepted(operation):
    for parameter in operation.parameters:
        if parameter.default is not None:
            parameter.read(parameter.default)


def _of(kind, **more):
    return Parameter("it", kind, "The thing", **more)


@pytest.mark.parametrize(
    ("parameter", "given", "value"),
    [
        (_of("integer", min=0, max=15), 7.0, 7),
        (_of("number", min=0), 2, 2.0),
        (_of("number", optional=True), None, None),
        (_of("flag", default=True), None, True),
        (_of("lines", optional=True), None, []),
        (_of("lines"), "a\n\n b ", ["a", "b"]),
        (_of("fields", many=True), "one", ["one"]),
        (_of("fields"), ["one"], "one"),
        (_of("choice", choices=(("a", "A"), ("b", "B")), many=True), ["b", "b"], ["b"]),
        (_of("extent"), [36, -2, 37, -1], [36.0, -2.0, 37.0, -1.0]),
        (_of("date"), "2020-02-29", "2020-02-29"),
        (_of("points"), {"path": "/a b/é.gpkg", "layer": ""}, (Path("/a b/é.gpkg"), None)),
        (_of("table"), "/a.csv", (Path("/a.csv"), None)),
    ],
)
def test_values_that_are_accepted(parameter, given, value):
    assert parameter.read(given) == value


@pytest.mark.parametrize(
    ("parameter", "given", "said"),
    [
        (_of("integer", min=0, max=15), 16, "from 0 to 15"),
        (_of("integer"), 1.5, "whole number"),
        (_of("integer"), True, "whole number"),
        (_of("integer"), float("inf"), "whole number"),
        (_of("number", min=0), float("nan"), "0 or more"),
        (_of("points"), None, "is missing"),
        (_of("points"), {"layer": "a"}, "the file of the layer"),
        (_of("choice", choices=(("a", "A"),)), "c", "one of a"),
        (_of("choice", choices=(("a", "A"),), many=True), [], "at least one of a"),
        (_of("fields"), ["a", "b"], "name of a field"),
        (_of("extent"), [1, 2, 3], "degrees"),
        (_of("extent"), [1, 3, 2, 2], "degrees"),
        (_of("date"), "yesterday", "2020-12-31"),
        (_of("settings"), "a = b", "names and values"),
        (_of("flag"), "yes", "true or false"),
    ],
)
def test_values_that_are_refused_say_what_to_give(parameter, given, said):
    with pytest.raises(InputError, match=said) as caught:
        parameter.read(given)
    assert "The thing ('it')" in str(caught.value)


def test_a_slip_of_the_pen_is_refused():
    with pytest.raises(InputError, match="Did you mean 'resolution'"):
        DESCRIBED["h3_summary"].read({"points": "a.csv", "resolutoin": 9})


def test_a_table_among_layers_is_told_its_coordinate_system(tmp_path):
    """A GeoPackage knows the CRS of its layers; a table with columns of coordinates in it has none."""
    path = tmp_path / "both.gpkg"
    table = pd.DataFrame({"lon": [32.0], "lat": [1.0]})
    points = gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(table["lon"], table["lat"]), crs="EPSG:4326")
    points.to_file(path, layer="points")
    pyogrio.write_dataframe(table, path, layer="table", append=True)
    assert own_crs(Layer(path, "points"), "EPSG:4326") is None
    assert own_crs(Layer(path, "table"), "EPSG:4326") == "EPSG:4326"
    assert own_crs(Layer(path, "none"), "EPSG:4326") is None
    assert own_crs(Layer(tmp_path / "none.gpkg", None), "EPSG:4326") is None
    assert own_crs(Layer(tmp_path / "a.csv", None), "EPSG:4326") == "EPSG:4326"
