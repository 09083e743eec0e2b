"""Large maps are drawn in the background: the interface answers, and printing can be cancelled."""

import contextlib
import itertools
import shutil
import sqlite3
import time

import processing
import pytest
from geolivelihood_qgis.printing import action, pdf
from qgis.core import (
    QgsLayoutExporter,
    QgsLayoutItemMap,
    QgsLayoutItemPicture,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProject,
)
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtGui import QImage

CELLS = 20_000


@pytest.fixture(scope="module")
def large(results_file, tmp_path_factory):
    """A result with many cells, which lie on each other."""
    path = shutil.copy(results_file, tmp_path_factory.mktemp("large") / "many.gpkg")
    with contextlib.closing(sqlite3.connect(path)) as base, base:
        for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            base.execute(f'DROP TRIGGER "{name}"')
        count = base.execute("SELECT count(*) FROM cells").fetchone()[0]
        base.execute(
            "WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < ?) "
            "INSERT INTO cells (geom, cell, wealth, wealth_lower, wealth_upper) "
            "SELECT geom, substr(cell, 1, 9) || printf('%06x', k), wealth, wealth_lower, wealth_upper "
            "FROM cells, n",
            (CELLS // count,),
        )
        base.execute("DELETE FROM gpkg_extensions WHERE extension_name = 'gpkg_rtree_index'")
        base.execute("DROP TABLE rtree_cells_geom")
        base.execute("DROP TABLE gpkg_ogr_contents")
    return path


def run(path, out, feedback=None):
    parameters = {"INPUT": str(path), "OUTPUT": str(out)}
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    return processing.run("geolivelihood:print_result", parameters, feedback=feedback, context=context)


def test_the_interface_answers_while_the_map_is_drawn(plugin, large, tmp_path):
    ticks, timer = [], QTimer()
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start(10)
    begun = time.monotonic()
    done = run(large, tmp_path / "many.pdf")
    taken = time.monotonic() - begun
    timer.stop()
    assert (tmp_path / "many.pdf").stat().st_size > 30_000
    answered = sum(b - a for a, b in itertools.pairwise(ticks) if b - a < 0.2)
    assert len(ticks) > 10 and answered > 0.3 * taken, (len(ticks), answered, taken)
    layout = QgsProject.instance().layoutManager().layoutByName(done["LAYOUT"])
    maps = [item for item in layout.items() if isinstance(item, QgsLayoutItemMap)]
    assert len(maps) == 2 and not any(item.excludeFromExports() for item in maps)
    pictures = [item for item in layout.items() if isinstance(item, QgsLayoutItemPicture)]
    assert [item.id() for item in pictures] == ["glqNorth"]


def test_the_picture_is_the_map(plugin, results, tmp_path, monkeypatch, artefacts):
    """Drawn beforehand or by the layout: nearly the same page."""
    images = []
    for many in (0, 10**9):
        monkeypatch.setattr(pdf, "MANY_CELLS", many)
        out = tmp_path / f"{many}.pdf"
        kept = []
        write = pdf.write

        def both(layout, target, write=write, kept=kept):
            image = QgsLayoutExporter(layout).renderPageToImage(0, dpi=60)
            kept.append(image)
            write(layout, target)

        monkeypatch.setattr(pdf, "write", both)
        run(results, out)
        monkeypatch.setattr(pdf, "write", write)
        images += kept
    drawn, vector = (image.convertToFormat(QImage.Format.Format_RGB32) for image in images)
    assert drawn.save(str(artefacts / "print-background.png"))
    assert drawn.size() == vector.size()
    spots = [(x, y) for x in range(0, drawn.width(), 7) for y in range(0, drawn.height(), 7)]
    pairs = [(drawn.pixelColor(x, y), vector.pixelColor(x, y)) for x, y in spots]
    far = [a for a, b in pairs if abs(a.lightness() - b.lightness()) > 40]
    assert len(far) < 0.03 * len(pairs)
    assert len({drawn.pixelColor(x, y).name() for x, y in spots}) > 15


def test_cancelling_leaves_no_file_and_no_layout(plugin, large, tmp_path):
    feedback = QgsProcessingFeedback()
    feedback.progressChanged.connect(lambda value: QTimer.singleShot(0, feedback.cancel))
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        run(large, tmp_path / "many.pdf", feedback)
    assert not list(tmp_path.iterdir())
    assert QgsProject.instance().layoutManager().layouts() == []


def test_a_layer_that_goes_meanwhile_is_said(plugin, large, tmp_path):
    feedback, remove = QgsProcessingFeedback(), QgsProject.instance().removeAllMapLayers
    feedback.progressChanged.connect(lambda value: QTimer.singleShot(0, remove))
    with pytest.raises(QgsProcessingException, match="was removed"):
        run(large, tmp_path / "many.pdf", feedback)
    assert not list(tmp_path.iterdir())


def test_one_map_at_a_time(plugin, monkeypatch):
    monkeypatch.setattr(action, "RUNNING", [QgsProcessingFeedback()])
    said = []
    action.start(plugin.iface, lambda text, level: said.append(text))
    assert "is being printed" in said[0]
    action.cancel()
    assert action.RUNNING[0].isCanceled()
