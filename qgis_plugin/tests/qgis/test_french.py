"""QGIS in French: what the plugin shows and prints is French too, with French signs."""

import contextlib
import json
import re
import sqlite3

import processing
import pytest
import translations
from geolivelihood_qgis.env import language
from geolivelihood_qgis.evidence.book import Book
from geolivelihood_qgis.evidence.collect import collect
from geolivelihood_qgis.evidence.places import place_of
from geolivelihood_qgis.gui.assistant.wizard import Assistant
from geolivelihood_qgis.gui.evidence_dock import EvidenceDock
from geolivelihood_qgis.gui.settings_dialog import SettingsDialog
from geolivelihood_qgis.layers.results import result_layers
from geolivelihood_qgis.wording import count, number, number_text, said
from qgis.core import QgsLayoutExporter, QgsProject
from qgis.PyQt.QtCore import QLocale, Qt
from qgis.PyQt.QtWidgets import QAbstractButton, QApplication, QLabel, QListWidget

pytestmark = pytest.mark.usefixtures("lrelease")

MEANT = re.compile(r"[A-Za-z]{3,}.*\s.*[A-Za-z]{3,}|[A-Za-z]{6,}")
"""Texts long enough to be recognised among others."""

BARE = re.compile(r"(?<![\u00a0\u202f])[;!?%]|(?<![\u00a0/\w]):(?!//)|\w: ")
POINT = re.compile(r"\d\.\d")


TOLD = {
    "run_id": "b99f",
    "time": "2026-01-01T00:00:00+00:00",
    "seed": 0,
    "configuration": {
        "map_model": "ridge",
        "clusters": {"path": "GPS.shp"},
        "images": [{"name": "tuiles", "licence": "CC BY"}],
        "output": {"title": "Richesse", "labels": {"wealth": "Indice de richesse"}},
    },
    "scores": [
        {"model": "ridge", "split": split, "indicator": "wealth", "metric": metric, "value": value, "n": 1075}
        | {"lower": value - 0.2, "upper": value + 0.1}
        for split, metric, value in (("random", "r2", 0.61), ("blocked", "r2", -0.04), ("region", "mae", 0.5))
    ],
    "coverage": [{"indicator": "wealth", "group": "all", "nominal": 0.9, "coverage": 0.874}],
}


def tell(path):
    """Write a provenance into a results file, and make some cells not applicable."""
    with contextlib.closing(sqlite3.connect(path)) as base, base:
        base.execute(
            "UPDATE gpkg_metadata SET metadata = ? WHERE mime_type = 'application/json'", (json.dumps(TOLD),)
        )
        for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            base.execute(f'DROP TRIGGER "{name}"')  # they call functions that plain SQLite has not
        base.execute("ALTER TABLE cells ADD COLUMN applicable BOOLEAN")
        base.execute("UPDATE cells SET applicable = fid > 3")


@pytest.fixture
def french(plugin):
    """The plugin in French, with French numbers."""
    before = QLocale()
    translations.compile_all()
    QLocale.setDefault(QLocale("fr_FR"))
    translator = language.install("fr")
    yield
    language.remove(translator)
    QLocale.setDefault(before)


def english(text):
    """The texts of ours that stand in a text untranslated."""
    known = translations.translations(translations.ts_file("fr"))
    sources = [source for source, told in known.items() if source != told and MEANT.search(source)]
    found = []
    for source in sources:
        parts = [part.strip(" .,;:()'") for part in re.split(r"\{[^{}]*\}", source)]
        parts = [part for part in parts if MEANT.search(part)]
        if parts and all(re.search(rf"\b{re.escape(part)}(?!\w)", text) for part in parts):
            found.append(source)
    return [source for source in found if not any(source in told for told in known.values())]


def assert_french(text):
    assert english(text) == []
    assert BARE.findall(text) == [], text
    assert POINT.findall(text) == [], text


def assert_texts_fit(window):
    shown = [one for one in window.findChildren((QLabel, QAbstractButton)) if one.isVisible() and one.text()]
    assert shown
    texts = [one.text() for one in shown if one.text().replace("&", "") != "Cancel"]  # Qt's own
    assert english("\n".join(texts)) == []
    for one in shown:
        if isinstance(one, QLabel):
            assert one.width() >= min(one.minimumSizeHint().width(), one.sizeHint().width()), one.text()
            assert one.height() >= one.heightForWidth(one.width()), one.text()
        else:
            assert one.width() >= one.sizeHint().width(), one.text()


def test_english_is_found():
    assert english("Carte : Every cell is a prediction of a model, not a measurement.") != []


def test_numbers(french):
    assert number_text(-0.12345) == "\N{MINUS SIGN}0,123"
    assert re.fullmatch(r"12[\u00a0\u202f]346", number_text(12345.6))
    assert re.fullmatch(r"1[\u00a0\u202f]234[\u00a0\u202f]567", count(1234567))
    assert number(0.5, ".2f") == "0,50"
    assert said("Enquête", "CC0") == "Enquête\u00a0: CC0"


def test_titles_of_layers_and_groups(french, results):
    layers = {layer.name: layer for layer in result_layers(results)}
    assert (layers["cells"].title, layers["cells"].group) == ("Cellules", "Carte")
    assert layers["clusters"].title == "Grappes d’enquête"
    assert not {layer.title for layer in layers.values()} & {"Set aside", "Links between pictures"}


def test_a_printed_page(french, results, tmp_path, artefacts):
    tell(results)
    done = processing.run(
        "geolivelihood:print_result", {"INPUT": str(results), "OUTPUT": str(tmp_path / "carte.pdf")}
    )
    layout = QgsProject.instance().layoutManager().layoutByName(done["LAYOUT"])
    labels = {item.id(): item.text() for item in layout.items() if hasattr(item, "sizeForText")}
    assert_french("\n".join(text for name, text in labels.items() if name != "glqProvenance"))
    assert english(labels["glqProvenance"]) == []
    assert "R² 0,61 (de 0,41 à 0,71)" in labels["glqCaveats"] or "R² 0,61" in labels["glqCaveats"]
    for name in ("glqLegend", "glqInsetLegend"):
        legend = layout.itemById(name).model()
        nodes = [
            str(node.data(Qt.ItemDataRole.DisplayRole))
            for layer in legend.rootGroup().findLayers()
            for node in legend.layerLegendNodes(layer)
        ]
        assert_french("\n".join(nodes))
    settings = QgsLayoutExporter.ImageExportSettings()
    settings.dpi = 100
    QgsLayoutExporter(layout).exportToImage(str(artefacts / "print_french.png"), settings)


def test_the_evidence_panel(french, evidence_file, artefacts):
    book, dock = Book(str(evidence_file)), EvidenceDock()
    told = {feature["cell"] for feature in book.features("explanations_concepts")}
    feature = next(one for one in book.features("cells") if one["cell"] in told)
    place = place_of(book, "cells", feature, book.layer("cells").crs())
    dock.show_evidence(collect(place), [place])
    dock.resize(360, 900)
    dock.show()
    text = re.sub(r"<[^>]*>", "", dock.text().replace("&nbsp;", " "))
    text = re.sub(r"geolivelihood explain .*", "", text)
    QApplication.processEvents()
    dock.grab().save(str(artefacts / "evidence_french.png"))
    dock.close()
    assert dock.widget().widget().width() <= dock.widget().viewport().width()
    assert_french(text)
    assert "découpage par blocs spatiaux" in text and "régression ridge" in text


def test_texts_of_the_assistant_fit(french, artefacts):
    wizard = Assistant()
    wizard.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    wizard.show()
    for number_, page in enumerate(wizard.pages()):
        wizard.setStartId(wizard.pageIds()[number_])
        wizard.restart()
        QApplication.processEvents()
        wizard.grab().save(str(artefacts / f"assistant_french_{number_ + 1}.png"))
        assert_texts_fit(page)
        for one in page.findChildren(QListWidget):
            if one.isVisible() and one.count():
                assert one.visualItemRect(one.item(one.count() - 1)).bottom() <= one.viewport().height()
    assert_texts_fit(wizard)
    wizard.hide()
    wizard.deleteLater()


def test_texts_of_the_settings_fit(french, artefacts):
    dialog = SettingsDialog()
    dialog.show()
    QApplication.processEvents()
    dialog.grab().save(str(artefacts / "settings_french.png"))
    assert_texts_fit(dialog)
    dialog.close()
    dialog.deleteLater()
