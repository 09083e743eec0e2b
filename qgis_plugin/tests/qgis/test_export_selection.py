"""Exports of a selection, and formats that depend on the GDAL that is there."""

import contextlib
import json
from types import SimpleNamespace

import processing
import pytest
from geolivelihood_qgis.gui.export_choice import only_selected
from geolivelihood_qgis.layers import export
from qgis.core import QgsProcessingException, QgsVectorFileWriter, QgsVectorLayer
from qgis.PyQt.QtWidgets import QMessageBox


def run(layers, out, **more):
    return processing.run("geolivelihood:export", {"LAYERS": layers, "OUTPUT": str(out)} | more)


@pytest.mark.parametrize("ending", ["gpkg", "geojson"])
def test_only_what_is_selected_is_written(plugin, results, tmp_path, opened, ending):
    cells, regions = opened(results, "cells"), opened(results, "regions")
    wanted = sorted(feature.id() for feature in cells.getFeatures())[:3]
    cells.selectByIds(wanted)
    done = run([cells, regions], tmp_path / f"some.{ending}", SELECTED=True)
    assert len(done["FILES"]) == 1
    written = QgsVectorLayer(done["OUTPUT"], "x", "ogr")
    assert written.featureCount() == 3
    names = {feature["cell"] for feature in cells.getSelectedFeatures()}
    assert {feature["cell"] for feature in written.getFeatures()} == names
    whole = run([cells], tmp_path / f"all.{ending}")
    assert QgsVectorLayer(whole["OUTPUT"], "x", "ogr").featureCount() == cells.featureCount()


def test_nothing_selected_is_said(plugin, results, tmp_path, opened):
    with contextlib.suppress(QgsProcessingException):
        run([opened(results, "cells")], tmp_path / "none.gpkg", SELECTED=True)
        pytest.fail("it was written")
    assert not list(tmp_path.glob("none*"))


def test_geojson_has_its_style_and_provenance_beside_it(plugin, results, tmp_path, opened):
    cells = opened(results, "cells")
    run([cells], tmp_path / "cells.geojson")
    again = QgsVectorLayer(str(tmp_path / "cells.geojson"), "cells", "ogr")
    assert again.renderer().type() == cells.renderer().type() != "singleSymbol"
    again.loadDefaultMetadata()
    assert again.metadata().title() == cells.metadata().title() != ""
    told = json.loads((tmp_path / "cells.provenance.json").read_text(encoding="utf-8"))
    assert told["run_id"] == "test"


def test_geoparquet_is_offered_where_it_can_be_written(plugin, results, tmp_path, opened, monkeypatch):
    known = [driver.driverName for driver in QgsVectorFileWriter.ogrDriverList()]
    assert (".parquet" in export.formats()) == ("Parquet" in known)
    if "Parquet" in known:
        done = run([opened(results, "cells")], tmp_path / "cells.parquet")
        assert QgsVectorLayer(done["OUTPUT"], "x", "ogr").featureCount() > 0
    for names, offered in (([], False), (["Parquet"], True)):
        drivers = [SimpleNamespace(driverName=name) for name in names]
        monkeypatch.setattr(QgsVectorFileWriter, "ogrDriverList", lambda *_, d=drivers: d)
        assert ("parquet" in export.file_filter()) == offered
    monkeypatch.setattr(QgsVectorFileWriter, "ogrDriverList", lambda *_: [])
    with pytest.raises(export.ExportError, match="cannot write GeoParquet"):
        export.plan([opened(results, "cells")], tmp_path / "cells.parquet")


def test_the_action_asks_whether_only_the_selection(plugin, results, opened, monkeypatch):
    cells = opened(results, "cells")
    button = QMessageBox.StandardButton
    monkeypatch.setattr(QMessageBox, "question", lambda *_: pytest.fail("nothing is selected"))
    assert only_selected([cells], None) is False
    cells.selectByIds([1, 2])
    for answer, told in ((button.Yes, True), (button.No, False), (button.Cancel, None)):
        monkeypatch.setattr(QMessageBox, "question", lambda *_, a=answer: a)
        assert only_selected([cells], None) is told
