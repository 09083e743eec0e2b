"""Styles of explanation rasters: the stops, their words, and limits that are none."""

from xml.etree import ElementTree

import numpy as np
import pytest

from geolivelihood.layers.raster_styles import explanation_qml, write_raster_style


def stops(text):
    root = ElementTree.fromstring(text)
    return [(float(i.get("value")), i.get("color"), i.get("label")) for i in root.iter("item")]


def test_three_stops_with_words():
    assert stops(explanation_qml(0.0125, unit="R$ & <é> per pixel")) == [
        (-0.0125, "#2166ac", "−0.0125 R$ & <é> per pixel"),
        (0.0, "#f7f7f7", "0"),
        (0.0125, "#b2182b", "0.0125 R$ & <é> per pixel"),
    ]
    renderer = ElementTree.fromstring(explanation_qml(2e-7)).find("pipe/rasterrenderer")
    assert (renderer.get("classificationMin"), renderer.get("classificationMax")) == ("-2e-07", "2e-07")


@pytest.mark.parametrize("limit", [0.0, np.nan, np.inf, -1.0])
def test_a_limit_that_is_none(limit):
    assert [value for value, _, _ in stops(explanation_qml(limit))] == [-1, 0, 1]


def test_the_style_lies_beside_the_raster(tmp_path):
    path = write_raster_style(tmp_path / "a.b_cam.tif", 1.0)
    assert path == tmp_path / "a.b_cam.qml" and [p.name for p in tmp_path.iterdir()] == ["a.b_cam.qml"]
    assert path.read_text(encoding="utf-8") == explanation_qml(1.0)
