"""Maps of evidence of earlier explanations come along with the results."""

import contextlib
import json
import shutil
import sqlite3

import processing
import pytest
from geolivelihood_qgis.layers.mosaics import stored_mosaics
from geolivelihood_qgis.layers.results import result_layers
from osgeo import gdal
from qgis.core import Qgis, QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer
from qgis.PyQt.QtWidgets import QFileDialog

STYLE = """<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0"><pipe><rasterrenderer type="singlebandgray" grayBand="1" opacity="0.25"/></pipe></qgis>
"""


def raster(path, style=True):
    path.parent.mkdir(exist_ok=True)
    made = gdal.GetDriverByName("GTiff").Create(str(path), 20, 20, 1)
    made.SetGeoTransform((32.0, 0.05, 0, 1.0, 0, -0.05))
    made.SetProjection(QgsCoordinateReferenceSystem("EPSG:4326").toWkt())
    made = None
    if style:
        path.with_suffix(".qml").write_text(STYLE)


@pytest.fixture
def explained(evidence_file, tmp_path):
    """A result with two mosaics beside it, and one that it lists but that is gone."""
    path = tmp_path / "erklärt.gpkg"
    shutil.copy(evidence_file, path)
    entries = [
        {"method": "signed_cam", "model": "ridge", "target": "wealth", "files": [f"explanations/{name}"]}
        for name in ("mosaic_a.tif", "mosaic_b.tif", "mosaic_gone.tif", "accounts_a.tif", "a.csv")
    ]
    with contextlib.closing(sqlite3.connect(path)) as base, base:
        query = "SELECT id, metadata FROM gpkg_metadata WHERE mime_type = 'application/json'"
        number, text = base.execute(query).fetchone()
        text = json.dumps(json.loads(text) | {"explanations": entries})
        base.execute("UPDATE gpkg_metadata SET metadata = ? WHERE id = ?", (text, number))
    for name in ("mosaic_a.tif", "mosaic_b.tif", "mosaic.tif"):
        raster(tmp_path / "explanations" / name)
    return path


def test_they_are_loaded_below_the_layers_and_the_first_is_seen(plugin, explained, tree):
    done = processing.runAndLoadResults("geolivelihood:load_results", {"INPUT": str(explained)})
    assert done["MISSING"] == 1
    ((_, children),) = tree()
    name, held = children[-1]
    assert name == "Maps of evidence"
    assert held == ["Evidence for wealth: signed cam, ridge"] * 3
    root = QgsProject.instance().layerTreeRoot()
    nodes = [node for node in root.findLayers() if isinstance(node.layer(), QgsRasterLayer)]
    assert [node.itemVisibilityChecked() for node in nodes] == [True, False, False]
    assert [node.layer().source().rpartition("/")[2] for node in nodes] == [
        *("mosaic_a.tif", "mosaic_b.tif", "mosaic.tif")
    ]
    assert nodes[0].layer().renderer().opacity() == 0.25  # its own style


def test_missing_ones_are_counted_in_the_message(plugin, explained, monkeypatch, wait_for):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(explained), ""))
    bar = plugin.iface.messageBar()
    bar.clear_messages()
    next(action for action in plugin.actions if action.objectName() == "glqActionLoad").trigger()
    wait_for(lambda: any(bar.messages.values()))
    (text,) = bar.messages[Qgis.MessageLevel.Warning]
    assert "1 maps of evidence are missing" in text


def test_results_without_explanations_have_none(results):
    assert stored_mosaics(results, result_layers(results)) == ([], 0)
