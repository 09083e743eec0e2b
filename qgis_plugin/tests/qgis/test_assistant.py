"""The assistant's pages: what they ask, what they warn of, and what they gather."""

import json
import shlex

import pytest
from geolivelihood_qgis.gui.assistant import choosers, command
from geolivelihood_qgis.gui.assistant.wizard import Assistant
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingAlgorithm,
    QgsProcessingParameterEnum,
    QgsProcessingParameterString,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QLabel, QPushButton, QWidget

TABLE = "cluster_id,lat,lon,wealth,name\n" + "".join(
    f"{i},{0.01 * i},{30 + 0.01 * i},{i * 0.5},c{i}\n" for i in range(1, 51)
)


@pytest.fixture
def clusters(plugin):
    """Make points of invented clusters, in the project."""

    def clusters(count=40, *, crs="EPSG:4326", fields="field=cluster_id:integer&field=wealth:double", zero=0):
        layer = QgsVectorLayer(f"Point?{fields}" + (f"&crs={crs}" if crs else ""), "clusters", "memory")
        features = []
        for number in range(count):
            feature = QgsFeature(layer.fields())
            point = QgsPointXY(0, 0) if number < zero else QgsPointXY(30 + 0.01 * number, 1)
            feature.setGeometry(QgsGeometry.fromPointXY(point))
            feature.setAttributes([number, number / 2][: len(layer.fields())])
            features.append(feature)
        layer.dataProvider().addFeatures(features)
        if not crs:
            layer.setCrs(QgsCoordinateReferenceSystem())
        return QgsProject.instance().addMapLayer(layer)

    return clusters


@pytest.fixture
def assistant(plugin, tmp_path):
    """An assistant; closed afterwards."""
    made = []

    def assistant():
        made.append(Assistant())
        made[-1].setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        return made[-1]

    yield assistant
    for one in made:
        one.hide()
        one.deleteLater()


def notice(page):
    return page.notice.text()


def test_the_pages_gather_the_parameters(assistant, clusters, tmp_path):
    layer, out = clusters(), tmp_path / "carte é.gpkg"
    wizard = assistant()
    wizard.data.clusters.box.setLayer(layer)
    wizard.data.pictures.setCurrentIndex(wizard.data.pictures.findData("photos_folder"))
    wizard.data.photos_folder.setFilePath(str(tmp_path))
    wizard.restart()
    for _ in range(4):
        wizard.next()
        if wizard.currentPage() is wizard.indicator:
            wizard.indicator.fields.set_value(["wealth"])
            wizard.indicator.label.setText("Wealth")
    assert wizard.currentPage() is wizard.output, notice(wizard.currentPage())
    wizard.output.output.setFilePath(str(out))
    assert wizard.values() == {
        "CLUSTERS": layer.id(),
        "CLUSTER_ID": "cluster_id",
        "DISPLACED": "none",
        "URBAN": None,
        "PICTURES": "photos_folder",
        "PHOTOS": None,
        "PHOTO_FILE": None,
        "PHOTOS_FOLDER": str(tmp_path),
        "TILES": None,
        "RASTERS": None,
        "RASTER_CRS": None,
        "WINDOW_M": None,
        "INDICATORS": ["wealth"],
        "LABEL": "Wealth",
        "ENCODER": "auto",
        "MODELS": ["mean", "knn", "ridge"],
        "MAP_MODEL": "auto",
        "FOLDS": 5,
        "SPLITS": ["blocked", "random"],
        "BUFFER_M": None,
        "COVERAGE": 0.9,
        "RESOLUTION": 7,
        "REGIONS": None,
        "REGION_NAME": None,
        "EXPLANATIONS": True,
        "TITLE": None,
        "SEED": 0,
        "OUTPUT": str(out),
    }
    summary = wizard.output.summary.toPlainText()
    for words in ("Survey clusters: clusters", "Indicators: wealth", "carte é.gpkg", "Explanations: yes"):
        assert words in summary


def test_cluster_numbers_are_no_indicators(assistant, clusters):
    wizard = assistant()
    wizard.data.clusters.box.setLayer(clusters())
    wizard.indicator.initializePage()
    assert [wizard.indicator.fields.item(i).text() for i in range(wizard.indicator.fields.count())] == [
        "wealth"
    ]
    assert not wizard.indicator.validatePage()
    assert "Tick at least one column" in notice(wizard.indicator)


@pytest.mark.parametrize(
    ("options", "stops", "words"),
    [
        ({"crs": ""}, True, "does not say in which coordinate reference system"),
        ({"crs": "EPSG:32636"}, False, "is projected (EPSG:32636)"),
        ({"count": 12}, False, "only 12 clusters"),
        ({"count": 0}, True, "has no features"),
        ({"zero": 2}, False, "lie at (0, 0)"),
        ({"fields": "field=name:string"}, True, "no column of numbers"),
    ],
)
def test_faults_of_clusters(assistant, clusters, tmp_path, options, stops, words):
    wizard = assistant()
    wizard.data.clusters.box.setLayer(clusters(**options))
    wizard.data.pictures.setCurrentIndex(wizard.data.pictures.findData("tiles"))
    wizard.data.tiles.setFilePath(str(tmp_path))
    assert wizard.data.validatePage() == (not stops)
    assert words in notice(wizard.data)
    assert notice(wizard.data).startswith("✗" if stops else "⚠")


def test_good_clusters_need_no_notice(assistant, clusters, tmp_path):
    wizard = assistant()
    wizard.data.clusters.box.setLayer(clusters())
    wizard.data.pictures.setCurrentIndex(wizard.data.pictures.findData("tiles"))
    wizard.data.tiles.setFilePath(str(tmp_path))
    assert wizard.data.validatePage()
    assert notice(wizard.data) == ""


def test_a_layer_that_is_removed_is_asked_for_again(assistant, clusters, tmp_path):
    wizard, layer = assistant(), clusters()
    wizard.data.clusters.box.setLayer(layer)
    QgsProject.instance().removeMapLayer(layer.id())
    assert not wizard.data.validatePage()
    assert "Choose the layer of survey clusters" in notice(wizard.data)
    assert wizard.values()["CLUSTERS"] is None


def test_dhs_points_are_recognised_and_need_their_column(assistant, clusters):
    wizard = assistant()
    fields = "field=DHSCLUST:integer&field=URBAN_RURA:string&field=LATNUM:double"
    wizard.data.clusters.box.setLayer(clusters(fields=fields))
    assert wizard.values()["DISPLACED"] == "dhs"
    assert wizard.values()["URBAN"] == "URBAN_RURA"
    wizard.data.urban.setField("")
    assert not wizard.data.validatePage()
    assert "which clusters are urban" in notice(wizard.data)


def test_outputs_that_cannot_be_written(assistant, clusters, tmp_path):
    wizard = assistant()
    taken, blocked = tmp_path / "taken.gpkg", tmp_path / "a file"
    taken.touch()
    blocked.touch()
    for path, words in (
        (taken, "never overwritten"),
        (blocked / "map.gpkg", "cannot be written to"),
        ("map.gpkg", "full path"),
    ):
        wizard.output.output.setFilePath(str(path))
        assert not wizard.output.validatePage()
        assert words in notice(wizard.output)
    assert "not saved" in notice(wizard.output)


def test_regions_are_needed_where_they_are_left_out(assistant):
    wizard = assistant()
    wizard.validation.splits.set_value(["region"])
    wizard.output.refresh()
    assert "choose the layer of regions" in notice(wizard.output)
    assert wizard.validation.splits.value() == ["blocked", "region"]


def test_models_that_say_nothing_about_pictures(assistant):
    wizard = assistant()
    wizard.model.models.set_value(["knn"])
    wizard.model.refresh()
    assert "None of these models looks at the pictures" in notice(wizard.model)
    wizard.model.models.set_value([])
    assert not wizard.model.validatePage()
    wizard.model.models.set_value(["mean", "ridge"])
    assert [wizard.model.map_model.itemData(i) for i in range(wizard.model.map_model.count())] == [
        *("auto", "mean", "ridge")
    ]


def test_the_last_values_come_back(assistant, clusters, tmp_path):
    layer = clusters()
    wizard = assistant()
    wizard.data.clusters.box.setLayer(layer)
    wizard.data.pictures.setCurrentIndex(wizard.data.pictures.findData("tiles"))
    wizard.data.tiles.setFilePath(str(tmp_path))
    wizard.indicator.initializePage()
    wizard.indicator.fields.set_value(["wealth"])
    wizard.model.models.set_value(["mean", "gp"])
    wizard.model.map_model.setCurrentIndex(2)
    wizard.validation.auto_buffer.setChecked(False)
    wizard.validation.buffer.setValue(5000)
    wizard.output.title.setText("Île")
    before = wizard.values()
    wizard.reject()
    again = assistant()
    again.indicator.initializePage()
    assert again.values() == before
    assert again.values()["MAP_MODEL"] == "gp"


def test_a_table_with_coordinates_becomes_points(plugin, tmp_path):
    table = tmp_path / "villages é.csv"
    table.write_text(TABLE, encoding="utf-8")
    layer = choosers.add_file(table)
    assert layer.isSpatial() and layer.featureCount() == 50
    assert layer.crs().authid() == "EPSG:4326"
    point = next(layer.getFeatures()).geometry().asPoint()
    assert (point.x(), point.y()) == pytest.approx((30.01, 0.01))
    assert layer.fields().field("wealth").isNumeric()


def test_browsing_adds_a_layer_and_chooses_it(assistant, tmp_path, monkeypatch):
    table = tmp_path / "villages.csv"
    table.write_text(TABLE, encoding="utf-8")
    monkeypatch.setattr(choosers.QFileDialog, "getOpenFileName", lambda *_, **__: (str(table), ""))
    wizard = assistant()
    wizard.data.findChild(QPushButton, "glqAssistantClustersBrowse").click()
    assert wizard.data.clusters.layer().name() == "villages"
    assert wizard.values()["CLUSTER_ID"] == "cluster_id"
    assert wizard.values()["CLUSTERS"] == str(table)  # the library reads it itself, and may keep its work


class Small(QgsProcessingAlgorithm):
    """An algorithm whose lists count, as some do, or name, as others do."""

    def name(self):
        return "small"

    def displayName(self):
        return "small"

    def createInstance(self):
        return Small()

    def initAlgorithm(self, configuration=None):
        titles = ["Mean", "Nearest", "Ridge"]
        self.addParameter(QgsProcessingParameterEnum("MODELS", "m", titles, True))
        static = QgsProcessingParameterEnum("ENCODER", "e", ["auto", "rcf"])
        static.setUsesStaticStrings(True)
        self.addParameter(static)
        self.addParameter(QgsProcessingParameterString("TITLE", "t"))


def test_values_are_fitted_to_the_algorithm(plugin):
    class Choice:
        name, choices = "models", (("mean", "Mean"), ("knn", "Nearest"), ("ridge", "Ridge"))

    class Description:
        parameters = (Choice,)

    algorithm = Small().create()
    values = {"MODELS": ["mean", "ridge"], "ENCODER": "rcf", "TITLE": None, "UNKNOWN": 1}
    assert command.fitted(values, algorithm, Description) == {"MODELS": [0, 2], "ENCODER": "rcf"}


def test_the_command_says_the_same(assistant, clusters, results, opened, monkeypatch):
    wizard, layer = assistant(), opened(results, "clusters")
    wizard.data.clusters.box.setLayer(layer)
    wizard.indicator.initializePage()
    wizard.indicator.fields.set_value(["wealth"])
    parts = shlex.split(wizard.command())
    assert parts[:3] == ["qgis_process", "run", "geolivelihood:clusters_to_map"]
    assert f"--CLUSTERS={results}|layername=clusters" in parts
    assert "--INDICATORS=wealth" in parts
    monkeypatch.setattr(wizard.output, "wizard", lambda: wizard)
    wizard.output.findChild(QPushButton, "glqAssistantCopy").click()
    assert QApplication.clipboard().text() == wizard.command()


def test_it_can_be_used_with_the_keyboard(assistant, clusters, tmp_path):
    clusters()
    wizard = assistant()
    wizard.show()
    for page in wizard.pages():
        controls = [w for w in page.findChildren(QWidget) if w.objectName().startswith("glqAssistant")]
        assert controls
        labels = [label for label in page.findChildren(QLabel) if label.buddy() and label.isVisibleTo(page)]
        mnemonics = [label.text()[label.text().index("&") + 1].lower() for label in labels] + ["b", "n"]
        assert len(mnemonics) == len(set(mnemonics)), (page.objectName(), mnemonics)
        reached = [w for w in controls if w.focusPolicy() & Qt.FocusPolicy.TabFocus]
        assert reached, page.objectName()
    models = wizard.model.models
    before = models.value()
    models.setCurrentRow(0)
    QTest.keyClick(models, Qt.Key.Key_Space)
    assert models.value() == before[1:]


def test_no_colour_is_fixed(assistant):
    wizard = assistant()
    assert [w.objectName() for w in wizard.findChildren(QWidget) if w.styleSheet()] == []


def test_without_a_worker_it_says_what_to_do(plugin):
    plugin.jobs.open_assistant()
    told = [text for texts in plugin.iface.messageBar().messages.values() for text in texts]
    assert "No worker Python is set" in told[-1]
    assert json.dumps(told)


@pytest.mark.parametrize("dark", [False, True])
def test_the_pages_can_be_read(assistant, clusters, artefacts, tmp_path, dark, qgis_app):
    from qgis.PyQt.QtGui import QColor, QPalette

    clusters(count=12, zero=1)
    wizard = assistant()
    if dark:
        palette = QPalette(QColor("#31363b"), QColor("#232629"))
        wizard.setPalette(palette)
    wizard.show()
    for number, page in enumerate(wizard.pages(), 1):
        wizard.setStartId(wizard.pageIds()[number - 1])
        wizard.restart()
        qgis_app.processEvents()
        wizard.grab().save(str(artefacts / f"assistant_{number}{'_dark' if dark else ''}.png"))
        assert page.isVisible()
        bottom = page.mapTo(wizard, page.rect().bottomLeft()).y()
        assert bottom < wizard.height()
