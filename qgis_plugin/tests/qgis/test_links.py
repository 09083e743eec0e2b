"""The strongest links of a place: found in the file, told as bars, drawn over the map."""

import shutil

import pytest
from geolivelihood_qgis.evidence.book import Book
from geolivelihood_qgis.evidence.links import MOST, bars, links
from geolivelihood_qgis.evidence.places import place_of
from geolivelihood_qgis.gui.link_marks import COLOURS
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.gui import QgsRubberBand
from qgis.PyQt.QtCore import QVariant
from qgis.PyQt.QtWidgets import QPushButton

TEXTS = ("method", "model", "target", "cluster_id", "start", "end")


@pytest.fixture
def scored(evidence_file, tmp_path):
    """A result with scored links of cluster c0, and of photo p1 in the graph of c1."""
    path = tmp_path / "links é.gpkg"
    shutil.copy(evidence_file, path)
    spots = {f["image_id"]: f.geometry().asPoint() for f in Book(str(path)).layer("images").getFeatures()}
    fields = QgsFields()
    for name in TEXTS:
        fields.append(QgsField(name, QVariant.String))
    for name in ("importance", "distance_m"):
        fields.append(QgsField(name, QVariant.Double))
    fields.append(QgsField("sign", QVariant.Int))
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.layerName = "explanations_edges"
    options.actionOnExistingFile = QgsVectorFileWriter.ActionOnExistingFile.CreateOrOverwriteLayer
    crs = QgsCoordinateReferenceSystem("EPSG:4326")
    context = QgsProject.instance().transformContext()
    writer = QgsVectorFileWriter.create(str(path), fields, QgsWkbTypes.Type.LineString, crs, context, options)
    for number in range(14):
        made, start, end = QgsFeature(fields), f"p{number}", f"p{number + 1}"
        made.setGeometry(QgsGeometry.fromPolylineXY([QgsPointXY(spots[start]), QgsPointXY(spots[end])]))
        told = ["links_occlusion", "graph", "wealth", "c0", start, end]
        made.setAttributes([*told, 0.01 * number, 100.0 * number, (1, -1, 0)[number % 3]])
        writer.addFeature(made)
    del writer
    return path


def place(path, kind, **where):
    book = Book(str(path))
    feature = next(book.features(kind, where=list(where.items())))
    return place_of(book, kind, feature, book.layer(kind).crs())


def test_the_strongest_links_come_first(plugin, scored):
    found = links(place(scored, "clusters", cluster_id="c0"))
    assert found.title == "Strongest links: Wealth index, model graph, links occlusion"
    assert len(found.links) == MOST
    assert (found.links[0].start, found.links[0].end) == ("p13", "p14")
    assert found.links[0].title == "p13 – p14, 1.3 km"
    told = bars(found)
    assert [round(bar.value, 2) for bar in told[:3]] == [-0.13, 0.12, 0.11]
    assert [bar.significant for bar in told[:3]] == [True, True, False]


def test_a_photo_has_the_links_that_end_at_it(plugin, scored):
    found = links(place(scored, "images", image_id="p5"))
    assert [link.title for link in found.links] == ["to p6, 500 m", "to p4, 400 m"]


def test_without_scores_the_edges_of_the_graph_are_listed(plugin, evidence_file):
    found = links(place(evidence_file, "images", image_id="p5"))
    assert found.title == "Links in the graph"
    assert {link.title for link in found.links} == {"to p4", "to p6"}
    assert "geolivelihood explain island.yaml --method links_occlusion" in found.remark
    assert bars(found) == []


def test_places_without_links_say_how_to_make_them(plugin, scored, evidence_file):
    assert "No link of this place was scored" in links(place(scored, "clusters", cluster_id="c9")).remark
    found = links(place(evidence_file, "clusters", cluster_id="c9"))
    assert not found.links and "--method links_occlusion" in found.remark
    assert not links(place(scored, "regions", region_id="w")).links


def test_the_panel_draws_them_and_takes_them_off(plugin, scored, opened, artefacts):
    opened(scored, "cells")
    panel = plugin.evidence
    panel.places = [place(scored, "clusters", cluster_id="c0")]
    panel.choose(0)
    assert "p13 – p14, 1.3 km: −0.13" in panel.dock.text()
    button = panel.dock.findChild(QPushButton, "glqEvidenceShowLinks")
    assert button.isVisibleTo(panel.dock)
    button.click()
    assert len(panel.marks.bands) == MOST
    assert button.text() == "Hide links"
    assert all(isinstance(band, QgsRubberBand) for band in panel.marks.bands)
    strongest, *_, weakest = panel.marks.bands
    assert strongest.width() > weakest.width()
    assert strongest.strokeColor().name() == COLOURS[-1]
    box = QgsVectorLayer(f"{scored}|layername=explanations_edges", "e", "ogr").extent()
    assert panel.canvas.extent().intersects(box)
    button.click()
    assert panel.marks.bands == [] and button.text() == "Show links on the map"
    button.click()
    panel.places = [place(scored, "images", image_id="p40")]
    panel.choose(0)
    assert panel.marks.bands == []
    panel.dock.resize(360, 900)
    panel.dock.grab().save(str(artefacts / "links.png"))
