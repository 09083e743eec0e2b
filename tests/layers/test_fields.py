"""Columns on their way into files: types, names, geometry."""

import datetime
import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geolivelihood.errors import InputError, MissingCRSError
from geolivelihood.layers.fields import storable, with_geometry

CELL = 0x871F1D489FFFFFF


def test_cells_without_geometry_become_polygons_and_hex_names():
    frame = pd.DataFrame({"wealth": [1.0]}, index=pd.Index(np.array([CELL], np.uint64), name="cell"))
    plain, names = storable(with_geometry("cells", frame))
    assert plain["cell"].tolist() == ["871f1d489ffffff"]
    assert plain.geometry.name == "geom"
    assert plain.geom_type.tolist() == ["Polygon"]
    assert names == {"cell": "cell", "wealth": "wealth"}
    assert frame.index.tolist() == [CELL]


def test_types_survive_or_become_text():
    frame = pd.DataFrame(
        {
            "lists": [[1, 2], None],
            "arrays": [np.array([1.5]), np.array([2])],
            "dicts": [{"é": 1}, {}],
            "dates": [datetime.date(2020, 1, 2), None],
            "naive": pd.to_datetime(["2020-01-02 03:04", None]),
            "zoned": pd.to_datetime(["2020-01-02 03:04+02:00", "2020-01-02 03:04+02:00"]),
            "flags": [True, None],
            "kind": pd.Categorical(["a", None]),
            "span": pd.to_timedelta(["1h", "2h"]),
            "big": np.array([2**63, 1], np.uint64),
            "half": np.array([1, 2], np.float16),
            "more": gpd.GeoSeries(shapely.points([0, 1], 0)),
        }
    )
    plain, _ = storable(frame)
    assert plain["lists"].isna().tolist() == [False, True]
    assert json.loads(plain["lists"][0]) == [1, 2]
    assert json.loads(plain["arrays"][0]) == [1.5]
    assert json.loads(plain["dicts"][0]) == {"é": 1}
    assert plain["dates"][0] == pd.Timestamp("2020-01-02", tz="UTC")
    assert str(plain["naive"].dt.tz) == "UTC"
    assert plain["zoned"][0] == pd.Timestamp("2020-01-02 01:04", tz="UTC")
    assert str(plain["flags"].dtype) == "boolean"
    assert plain["kind"][0] == "a"
    assert plain["span"].tolist() == [3600.0, 7200.0]
    assert plain["big"][0] == str(2**63)
    assert plain["half"].dtype == np.float32
    assert plain["more"][1] == "POINT (1 0)"


def test_names_that_a_geopackage_cannot_tell_apart_get_numbers():
    frame = pd.DataFrame([[1, 2, 3, 4, 5, 6]], columns=["Wealth", "wealth", "fid", "geom", "", "a\x00b"])
    plain, names = storable(frame)
    assert plain.columns.tolist() == ["Wealth", "wealth_2", "fid_2", "geom_2", "column", "ab"]
    assert names["wealth"] == "wealth_2"


def test_the_index_is_kept_by_its_name():
    frame = pd.DataFrame({"a": [1]}, index=pd.Index(["x"], name="cluster_id"))
    assert storable(frame)[0].columns.tolist() == ["cluster_id", "a"]
    assert storable(frame.reset_index(drop=True))[0].columns.tolist() == ["a"]


def test_missing_crs_says_how_to_set_it():
    frame = gpd.GeoDataFrame({"a": [1]}, geometry=shapely.points([0], [0]))
    with pytest.raises(MissingCRSError, match=r"set_crs"):
        with_geometry("clusters", frame)


def test_mixed_kinds_are_refused_and_multi_parts_are_not():
    box, point = shapely.box(0, 0, 1, 1), shapely.Point(0, 0)
    with pytest.raises(InputError, match="points, polygons"):
        with_geometry("images", gpd.GeoDataFrame(geometry=[box, point], crs=4326))
    mixed = gpd.GeoDataFrame(geometry=[box, shapely.multipolygons([box]), None], crs=4326)
    assert with_geometry("r", mixed).geom_type.dropna().unique().tolist() == ["MultiPolygon"]
    assert mixed.geom_type[0] == "Polygon"


def test_other_objects_are_refused():
    with pytest.raises(InputError, match="list"):
        with_geometry("cells", [1, 2])
