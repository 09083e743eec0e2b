"""What we draw can be read in a dark theme."""

import pytest
from geolivelihood_qgis.compare.choices import choices
from geolivelihood_qgis.evidence.book import Book
from geolivelihood_qgis.evidence.collect import collect
from geolivelihood_qgis.evidence.places import place_of
from geolivelihood_qgis.gui.compare_dialog import CompareDialog
from geolivelihood_qgis.gui.evidence_dock import EvidenceDock
from geolivelihood_qgis.gui.settings_dialog import SettingsDialog
from qgis.core import QgsProject
from qgis.PyQt.QtGui import QColor, QPalette

DARK, INK = QColor("#2b2b2b"), QColor("#e6e6e6")


@pytest.fixture
def dark(qgis_app):
    """A dark palette for a while."""
    before, palette, role = qgis_app.palette(), QPalette(), QPalette.ColorRole
    for name in ("Window", "Base", "AlternateBase", "Button", "ToolTipBase"):
        palette.setColor(getattr(role, name), DARK)
    for name in ("WindowText", "Text", "ButtonText", "ToolTipText"):
        palette.setColor(getattr(role, name), INK)
    qgis_app.setPalette(palette)
    yield
    qgis_app.setPalette(before)


def shares(widget, path):
    """Shares of dark and of light pixels in a picture of a widget."""
    image = widget.grab().toImage()
    assert image.save(str(path))
    light = [
        image.pixelColor(x, y).lightness()
        for x in range(0, image.width(), 2)
        for y in range(0, image.height(), 2)
    ]
    return sum(value < 80 for value in light) / len(light), sum(value > 150 for value in light) / len(light)


def test_the_evidence_panel(plugin, dark, evidence_file, artefacts):
    book = Book(str(evidence_file))
    cell = next(book.features("explanations_concepts"))["cell"]
    feature = next(book.features("cells", where=[("cell", cell)]))
    place = place_of(book, "cells", feature, book.layer("cells").crs())
    dock = EvidenceDock()
    dock.show_evidence(collect(place), [place])
    dock.resize(360, 1000)
    ground, ink = shares(dock, artefacts / "dark-evidence.png")
    assert ground > 0.6 and 0.01 < ink < 0.4
    dock.deleteLater()


def test_the_dialogs(plugin, dark, results, opened, artefacts):
    opened(results, "cells")
    found = choices(QgsProject.instance().mapLayers().values())
    for name, dialog in (("compare", CompareDialog(found * 2)), ("settings", SettingsDialog())):
        ground, ink = shares(dialog, artefacts / f"dark-{name}.png")
        assert ground > 0.6 and ink > 0.005, name
        dialog.deleteLater()
