"""The evidence of a place: what the file knows, what the panel says, what the buttons do."""

import shutil
from pathlib import Path

import processing
import pytest
from geolivelihood_qgis.evidence.book import Book, results_of
from geolivelihood_qgis.evidence.collect import collect
from geolivelihood_qgis.evidence.places import places_at
from geolivelihood_qgis.gui.evidence_dock import EvidenceDock
from geolivelihood_qgis.gui.thumbnails import thumbnail
from geolivelihood_qgis.wording import number_text
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtGui import QColor, QImage
from qgis.PyQt.QtWidgets import QDockWidget, QPushButton

WGS84 = "EPSG:4326"


@pytest.fixture
def evidence_result(evidence_file, tmp_path):
    """A copy with one photo and the map of evidence beside it."""
    path = Path(shutil.copy(evidence_file, tmp_path / "run é.gpkg"))
    image = QImage(400, 200, QImage.Format.Format_RGB32)
    image.fill(QColor("#204080"))
    assert image.save(str(tmp_path / "p0.jpg"))
    (tmp_path / "explanations").mkdir()
    raster = gdal.GetDriverByName("GTiff").Create(str(tmp_path / "explanations" / "mosaic.tif"), 20, 20, 1)
    raster.SetGeoTransform((32.0, 0.05, 0, 1.0, 0, -0.05))
    raster.SetProjection(QgsCoordinateReferenceSystem(WGS84).toWkt())
    raster.GetRasterBand(1).Fill(7)
    raster = None
    return path


@pytest.fixture
def book(evidence_result):
    return Book(str(evidence_result))


def feature_where(book, table, **where):
    return next(book.features(table, where=list(where.items())))


def places(book, point, *tables, tolerance=0.001):
    layers = [book.layer(table) for table in tables]
    return places_at(point, QgsCoordinateReferenceSystem(WGS84), tolerance, layers, lambda _: book)


def photo(book):
    return feature_where(book, "images", image_id="p0").geometry().asPoint()


def explained_cell(book, explained=True):
    told = {feature["cell"] for feature in book.features("explanations_concepts")}
    for feature in book.features("cells"):
        if (feature["cell"] in told) == explained:
            return feature
    return None


def test_a_click_finds_the_nearest_kind_first(book):
    found = places(book, photo(book), "regions", "cells", "images")
    assert found[0].kind == "images"
    assert {"cells", "regions"} <= {place.kind for place in found}
    assert found[0].title == "Photo p0"
    assert [place.kind for place in places(book, photo(book), "regions")] == ["regions"]
    assert [place.kind for place in places(book, photo(book), "explanations_concepts")] == ["cells"]
    assert places(book, QgsPointXY(10, 10), "cells", "images", "regions") == []


def test_on_a_small_scale_a_cell_comes_before_its_photos(book):
    found = places(book, photo(book), "regions", "cells", "images", tolerance=0.02)
    assert found[0].kind == "cells"
    assert "images" in [place.kind for place in found]


def test_a_click_on_a_map_in_metres(book):
    crs = QgsCoordinateReferenceSystem("EPSG:3857")
    point = QgsPointXY(32.3 * 111319.49, 0.4 * 111325.2)
    found = places_at(point, crs, 300, [book.layer("images"), book.layer("cells")], lambda _: book)
    assert found[0].key == "p0"
    assert found[-1].kind == "cells"


def test_a_cell_tells_its_prediction_interval_and_charts(book):
    feature = explained_cell(book)
    (place,) = places(book, feature.geometry().centroid().asPoint(), "cells")
    assert place.key == feature["cell"]
    evidence = collect(place)
    (told,) = evidence.predictions
    assert (told.label, told.unit, told.coverage) == ("Wealth index", "standard deviations", 0.9)
    assert (told.value, told.lower, told.upper) == (
        feature["wealth"],
        feature["wealth_lower"],
        feature["wealth_upper"],
    )
    assert evidence.applicable == bool(feature["applicable"])
    assert "0.4" in evidence.applicability
    (score,) = evidence.scores
    assert "R² 0.4" in score and "ridge" in score and "mean" not in score
    (zonal,) = evidence.contributions
    assert [(bar.value) for bar in zonal.bars] == [2.0, -0.5, 1.5]
    (concepts,) = evidence.concepts
    assert [(bar.name, bar.lower, bar.significant) for bar in concepts.bars] == [
        ("dense", 0.1, True),
        ("empty", -0.3, False),
    ]
    (raster,) = evidence.rasters
    assert raster.path == str(book.path.parent / "explanations" / "mosaic.tif")


def test_what_is_missing_says_how_to_make_it(book, results):
    spot = explained_cell(book, explained=False).geometry().centroid().asPoint()
    (place,) = places(book, spot, "cells")
    evidence = collect(place)
    assert evidence.rasters == []
    assert "No concept was scored" in evidence.concepts[0].remark
    assert "geolivelihood explain island.yaml --method signed_cam" in evidence.contributions[0].remark

    plain = Book(str(results))
    (place,) = places(plain, spot, "cells")
    evidence = collect(place)
    assert "geolivelihood explain PROJECT.yaml --method concepts" in evidence.concepts[0].remark
    assert evidence.applicable is None
    assert evidence.scores == ["The file holds no scores."]
    assert evidence.predictions[0].label == "Wealth"


def test_photos_clusters_and_regions(book):
    spot = photo(book)
    found = {place.kind: place for place in places(book, spot, "images", "cells", "regions")}
    cell = collect(found["cells"])
    expected = [f for f in book.features("images") if f["cell"] == found["cells"].key]
    assert cell.picture_count == len(expected) > 0
    assert cell.pictures[0].licence == "CC0-1.0"
    assert cell.pictures[0].creator == "walker"
    region = collect(found["regions"])
    assert region.place.title == "Region West <&>"
    assert region.picture_count > len(region.pictures) == 24
    assert region.all_counted
    assert [bar.value for bar in region.contributions[0].bars] == [9.0, 9.0]
    one = collect(found["images"])
    assert [picture.image_id for picture in one.pictures] == ["p0"]
    assert one.predictions == cell.predictions
    cluster = next(book.features("clusters"))
    (place,) = places(book, cluster.geometry().asPoint(), "clusters", tolerance=1e-6)
    assert [told.value for told in collect(place).predictions] == [
        cluster["wealth_predicted"],
        cluster["wealth"],
    ]


def test_thumbnails_and_files_that_are_missing(book):
    place = places(book, photo(book), "images")[0]
    (picture,) = collect(place).pictures
    image, problem = thumbnail(picture)
    assert not problem
    assert (image.width(), image.height()) == (132, 66)
    assert thumbnail(picture._replace(path="/nowhere/p.jpg"))[1] == "file missing"
    assert thumbnail(picture._replace(path=str(book.path)))[1] == "not readable as a picture"
    cell = next(p for p in places(book, photo(book), "cells"))
    tile = picture._replace(
        path=str(book.path.parent / "explanations" / "mosaic.tif"),
        box=cell.geometry.boundingBox(),
    )
    image, problem = thumbnail(tile)
    assert not problem
    assert image.pixelColor(60, 50).alpha() == 255


def test_numbers_are_written_for_people():
    assert [number_text(value) for value in (None, -0.12345, 12345.6, 0.5)] == [
        "not known",
        "\N{MINUS SIGN}0.123",
        "12,346",
        "0.5",
    ]


def test_the_panel_says_what_the_model_says(qgis_app, book):
    (place,) = places(book, explained_cell(book).geometry().centroid().asPoint(), "cells")
    evidence, dock = collect(place), EvidenceDock()
    dock.show_evidence(evidence, [place])
    text = dock.text()
    for said in (place.title, "Wealth index", "standard deviations", "90 % interval", "dissimilarity 0.4"):
        assert said in text, said
    assert "R² 0.4" in text
    assert "empty: \N{MINUS SIGN}0.1 (\N{MINUS SIGN}0.3 to 0.1), may be chance" in text
    assert not dock.grab().toImage().isNull()
    dock.say("Click <again>")
    assert dock.text() == "Click &lt;again&gt;"
    dock.deleteLater()


@pytest.fixture
def panel(plugin, evidence_result):
    """The panel of the plugin, with a result on the map."""
    processing.runAndLoadResults("geolivelihood:load_results", {"INPUT": str(evidence_result)})
    canvas, project = plugin.iface.mapCanvas(), QgsProject.instance()
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem(WGS84))
    canvas.resize(600, 600)
    tables = results_of(project.mapLayers().values())[str(evidence_result)]
    canvas.setLayers([tables[name] for name in ("images", "clusters", "cells", "regions")])
    canvas.setExtent(QgsRectangle(32.29, 0.39, 32.31, 0.41))  # close enough to click one photo of a cell
    return plugin.evidence


def shown(panel):
    return panel.dock.text()


def button(panel, name):
    return panel.dock.findChild(QPushButton, f"glqEvidence{name}")


def test_clicking_shows_evidence_and_pictures_come_later(panel, wait_for):
    panel.action.trigger()
    assert panel.canvas.mapTool() is panel.tool
    assert not panel.dock.isHidden()
    book = panel._book(str(next(iter(results_of(panel.canvas.layers())))))
    panel.clicked(photo(book))
    assert panel.evidence.place.key == "p0"
    assert "Photo p0" in shown(panel)
    empty = panel.dock.pictures.item(0).icon().pixmap(132, 99).toImage().pixelColor(66, 50)
    wait_for(lambda: panel.dock.pictures.item(0).icon().pixmap(132, 99).toImage().pixelColor(66, 50) != empty)
    cells = [place.kind for place in panel.places].index("cells")
    panel.dock.place_chosen.emit(cells)
    assert panel.evidence.place.kind == "cells"
    wait_for(
        lambda: any(
            "file missing" in panel.dock.pictures.item(i).text() for i in range(panel.dock.pictures.count())
        )
    )
    panel.action.trigger()
    assert panel.canvas.mapTool() is not panel.tool


def test_wedges_of_these_photos_come_and_go(panel):
    panel.clicked(photo(panel._book(next(iter(results_of(panel.canvas.layers()))))))
    (views,) = QgsProject.instance().mapLayersByName("What the photos see")
    button(panel, "Wedges").click()
    (wedges,) = QgsProject.instance().mapLayersByName("Wedges: Photo p0")
    assert [feature["image_id"] for feature in wedges.getFeatures()] == ["p0"]
    assert QgsProject.instance().layerTreeRoot().findLayer(wedges.id()).isVisible()
    assert panel.canvas.extent().contains(wedges.extent())
    assert views.featureCount() == len(list(views.getFeatures())) == 80
    button(panel, "Wedges").click()
    assert QgsProject.instance().mapLayersByName("Wedges: Photo p0") == []
    button(panel, "Wedges").click()
    panel.clicked(QgsPointXY(10, 10))
    assert QgsProject.instance().mapLayersByName("Wedges: Photo p0") == []


def test_the_map_of_evidence_is_added_once_or_said_to_be_missing(panel):
    path = next(iter(results_of(panel.canvas.layers())))
    spot = explained_cell(panel._book(path)).geometry().centroid().asPoint()
    panel.clicked(spot)
    panel.choose([place.kind for place in panel.places].index("cells"))
    button(panel, "Zoom").click()
    assert panel.canvas.extent().width() < 0.3
    for _ in range(2):
        button(panel, "Rasters").click()
    (raster,) = [x for x in QgsProject.instance().mapLayers().values() if isinstance(x, QgsRasterLayer)]
    assert raster.name() == "Evidence for wealth: signed cam, ridge"  # it came with the result
    QgsProject.instance().removeMapLayer(raster.id())
    shutil.rmtree(Path(path).parent / "explanations")
    button(panel, "Rasters").click()
    bar = panel.iface.messageBar()
    assert any("is missing" in text for texts in bar.messages.values() for text in texts)


def test_nothing_there_and_layers_that_go_are_told_in_words(panel):
    panel.clicked(QgsPointXY(10, 10))
    assert "Nothing of a result lies there" in shown(panel)
    path = next(iter(results_of(panel.canvas.layers())))
    panel.clicked(photo(panel._book(path)))
    assert "Photo p0" in shown(panel)
    panel.canvas.setLayers([])
    panel.clicked(QgsPointXY(32.3, 0.4))
    assert "tick Cells" in shown(panel)
    panel.canvas.setLayers(list(results_of(QgsProject.instance().mapLayers().values())[path].values()))
    panel.clicked(QgsPointXY(32.3, 0.4))
    QgsProject.instance().clear()
    assert "was removed" in shown(panel)
    panel.clicked(QgsPointXY(32.3, 0.4))
    assert "Load one first" in shown(panel)


def test_unload_removes_the_panel(panel, plugin):
    dock, band = panel.dock, panel.canvas
    panel.action.trigger()
    panel.clicked(QgsPointXY(32.3, 0.4))
    assert dock.objectName() == "glqEvidenceDock"
    plugin.unload()
    QgsApplication.processEvents()
    QgsApplication.sendPostedEvents(None, 52)  # deferred deletes
    window = plugin.iface.mainWindow()
    assert window.findChildren(QDockWidget, "glqEvidenceDock") == []
    assert band.mapTool() is None
    QgsProject.instance().clear()
