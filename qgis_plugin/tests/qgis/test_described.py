"""Algorithms made of descriptions: their forms, what the worker is asked, and what comes of it."""

import json
from pathlib import Path

import processing
import pytest
from geolivelihood_qgis.gui.tasks import AlgorithmRun
from geolivelihood_qgis.layers.sources import SourceError, raster_file
from geolivelihood_qgis.processing import catalogue
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelParameter,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProject,
    QgsProperty,
    QgsRasterLayer,
    QgsRectangle,
    QgsReferencedRectangle,
    QgsVectorLayer,
    QgsVectorLayerJoinInfo,
)
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QDate, QTimer, QVariant

CHOICES = [["none", "Not at all"], ["dhs", "As DHS does"], ["other", "Otherwise, <b>bold</b>"]]


def one(name, kind, *, optional=True, **more):
    return {
        "name": name,
        "kind": kind,
        "title": name.title(),
        "help": f"Help of <{name}>.",
        "optional": optional,
        **more,
    }


EVERYTHING = {
    "id": "everything",
    "title": "Everything",
    "group": "Survey",
    "help": "Takes everything & more.\nTwo lines.",
    "tags": "all kinds",
    "parameters": [
        one("points", "points", optional=False),
        one("polygons", "polygons"),
        one("table", "table"),
        one("field", "fields", of="points"),
        one("photo_file", "fields", of="points"),
        one("fields", "fields", of="points", many=True, numeric=True),
        one("raster", "raster"),
        one("rasters", "rasters"),
        one("file", "file", filter="*.yaml *.yml"),
        one("folder", "folder"),
        one("integer", "integer", min=1, max=9),
        one("number", "number", default=0.9, min=0.5, max=1, optional=False),
        one("flag", "flag", default=True, optional=False),
        one("slow", "flag", default=False, optional=False, advanced=True),
        one("text", "text", default="as it is"),
        one("lines", "lines"),
        one("settings", "settings", advanced=True, default={"a.b": 1, "c": "d"}),
        one("choice", "choice", choices=CHOICES, default="dhs", optional=False),
        one("choices", "choice", choices=CHOICES, many=True, default=["none", "dhs"]),
        one("maybe", "choice", choices=CHOICES),
        one("extent", "extent"),
        one("date", "date"),
    ],
    "output": {"kind": "geopackage", "title": "Result", "help": "The new file.", "stem": "every"},
}
TABLE = {
    "id": "a_table",
    "title": "A table",
    "group": "Map",
    "help": "Writes a table.",
    "parameters": [one("text", "text")],
    "output": {"kind": "table", "title": "Numbers", "stem": "numbers"},
}
FOLDER = {**TABLE, "id": "a_folder", "output": {"kind": "folder", "title": "Photos", "stem": "photos"}}
RESUMED = {
    **TABLE,
    "id": "resumed",
    "output": {"kind": "folder", "title": "Photos", "stem": "photos", "resumable": True},
}
DEFAULTS = {
    **dict.fromkeys(item["name"] for item in EVERYTHING["parameters"]),
    "number": 0.9,
    "flag": True,
    "slow": False,
    "text": "as it is",
    "settings": {"a.b": 1, "c": "d"},
    "choice": "dhs",
    "choices": ["none", "dhs"],
}


@pytest.fixture(autouse=True)
def bundled(tmp_path, monkeypatch):
    """The operations above, as if they came with the plugin."""
    path = tmp_path / "operations.json"
    path.write_text(json.dumps([EVERYTHING, TABLE, FOLDER, RESUMED]), encoding="utf-8")
    monkeypatch.setattr(catalogue, "BUNDLED", path)


@pytest.fixture
def worker(plugin, telling_worker):
    return telling_worker(EVERYTHING, TABLE, FOLDER, RESUMED)


@pytest.fixture
def places():
    """A memory layer of three points with a number and an awkward column 'fid'."""
    layer = QgsVectorLayer(
        "Point?crs=EPSG:4326&field=name:string&field=wealth:double&field=fid:string", "Places é", "memory"
    )
    for number, name in enumerate(("a", "b", "c")):
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(32 + number, 1)))
        feature.setAttributes([name, number / 2, "same"])
        layer.dataProvider().addFeature(feature)
    return QgsProject.instance().addMapLayer(layer)


def algorithm(name="everything"):
    return QgsApplication.processingRegistry().createAlgorithmById(f"geolivelihood:{name}")


def run(worker, **given):
    """Run it; return what the worker was asked."""
    processing.run("geolivelihood:everything", given)
    return worker.request()["params"]


def written(worker, name):
    """The layer that the worker got, as rows."""
    (path,) = worker.asked.parent.glob(f"asked.json.{name}.*")
    layer = QgsVectorLayer(str(path), name, "ogr")
    assert layer.isValid()
    return [feature.attributes() for feature in layer.getFeatures()], layer


def refused(**given):
    with pytest.raises(QgsProcessingException) as caught:
        processing.run("geolivelihood:everything", given)
    return str(caught.value)


def test_the_form(plugin):
    made = algorithm()
    assert made.canExecute() == (False, "No worker Python is set. Plugins ▸ Geolivelihood ▸ Settings.")
    assert (made.displayName(), made.group(), made.groupId()) == ("Everything", "Survey", "survey")
    assert made.shortHelpString() == "Takes everything &amp; more.<br>Two lines."
    assert made.tags() == ["all", "kinds"]
    of = {parameter.name(): parameter for parameter in made.parameterDefinitions()}
    flags = QgsProcessingParameterDefinition.Flag
    assert {name: parameter.type() for name, parameter in of.items()} == {
        **dict.fromkeys(("POINTS", "POLYGONS", "TABLE"), "source"),
        **dict.fromkeys(("FIELD", "PHOTO_FILE", "FIELDS"), "field"),
        **{"RASTER": "raster", "RASTERS": "multilayer", "FILE": "file", "FOLDER": "file"},
        **dict.fromkeys(("INTEGER", "NUMBER"), "number"),
        **dict.fromkeys(("FLAG", "SLOW"), "boolean"),
        **dict.fromkeys(("TEXT", "LINES", "SETTINGS"), "string"),
        **dict.fromkeys(("CHOICE", "CHOICES", "MAYBE"), "enum"),
        **{"EXTENT": "extent", "DATE": "datetime", "OUTPUT": "fileDestination"},
    }
    assert [name for name in of if of[name].flags() & flags.FlagAdvanced] == ["SLOW", "SETTINGS"]
    needed = [name for name in of if not of[name].flags() & flags.FlagOptional]
    assert needed == ["POINTS", "NUMBER", "FLAG", "SLOW", "CHOICE"]
    assert of["POINTS"].help() == "Help of <points>."
    assert of["FIELD"].parentLayerParameterName() == "POINTS" and not of["FIELD"].allowMultiple()
    assert of["FIELDS"].allowMultiple()
    assert of["FIELDS"].dataType() == QgsProcessingParameterField.DataType.Numeric
    assert of["FILE"].fileFilter() == "Files (*.yaml *.yml);;All files (*)"
    assert (of["INTEGER"].minimum(), of["INTEGER"].maximum(), of["INTEGER"].defaultValue()) == (1, 9, None)
    assert of["SETTINGS"].defaultValue() == "a.b = 1\nc = d" and of["SETTINGS"].multiLine()
    assert of["CHOICES"].defaultValue() == [0, 1] and of["CHOICE"].defaultValue() == 1
    assert [output.name() for output in made.outputDefinitions()] == ["OUTPUT", "LAYERS"]


def test_its_copies_are_like_it(plugin):
    copy = algorithm().create()
    assert copy.description == algorithm().description
    assert len(copy.parameterDefinitions()) == len(EVERYTHING["parameters"]) + 1


def test_what_is_not_given_is_null_or_its_default(worker, results):
    asked = run(worker, POINTS=f"{results}|layername=clusters")
    assert asked == {**DEFAULTS, "points": {"path": str(results), "layer": "clusters"}}


def test_everything_that_is_given_reaches_the_worker(worker, results, tmp_path):
    (tmp_path / "größe.yaml").write_text("a: 1")
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n")
    asked = run(
        worker,
        POINTS=f"{results}|layername=clusters",
        POLYGONS=f"{results}|layername=regions",
        TABLE=str(table),
        FIELD="cluster_id",
        FIELDS=["wealth", "wealth_predicted"],
        FILE=str(tmp_path / "größe.yaml"),
        FOLDER=str(tmp_path),
        INTEGER=3,
        NUMBER=0.75,
        FLAG=False,
        TEXT=" é ",
        LINES="a\n\n b ",
        SETTINGS="validation.folds = 10",
        CHOICE=2,
        CHOICES=[2],
        MAYBE=0,
        EXTENT="1,3,2,4 [EPSG:4326]",
        DATE="2024-01-31",
    )
    assert asked == {
        **DEFAULTS,
        "points": {"path": str(results), "layer": "clusters"},
        "polygons": {"path": str(results), "layer": "regions"},
        "table": {"path": str(table), "layer": None},
        "field": "cluster_id",
        "fields": ["wealth", "wealth_predicted"],
        "file": str(tmp_path / "größe.yaml"),
        "folder": str(tmp_path),
        "integer": 3,
        "number": 0.75,
        "flag": False,
        "text": "é",
        "lines": ["a", "b"],
        "settings": {"validation.folds": 10},
        "choice": "other",
        "choices": ["other"],
        "maybe": "none",
        "extent": [1.0, 2.0, 3.0, 4.0],
        "date": "2024-01-31",
    }


@pytest.mark.parametrize(
    ("given", "name", "expected"),
    [
        ({"CHOICE": "other"}, "choice", "other"),
        ({"CHOICE": "As DHS does"}, "choice", "dhs"),
        ({"CHOICE": "0"}, "choice", "none"),
        ({"CHOICES": "none,other"}, "choices", ["none", "other"]),
        ({"CHOICES": "1,2"}, "choices", ["dhs", "other"]),
        ({"CHOICES": []}, "choices", []),
        ({"MAYBE": None}, "maybe", None),
        ({"FIELDS": "wealth;wealth_predicted"}, "fields", ["wealth", "wealth_predicted"]),
        ({"FIELD": ""}, "field", None),
        ({"INTEGER": None}, "integer", None),
        ({"INTEGER": QVariant()}, "integer", None),
        ({"INTEGER": "4"}, "integer", 4),
        ({"NUMBER": QgsProperty.fromExpression("0.5 + 0.25")}, "number", 0.75),
        ({"DATE": QDate(2020, 2, 29)}, "date", "2020-02-29"),
        ({"DATE": None}, "date", None),
        ({"SETTINGS": ""}, "settings", None),
        ({"EXTENT": None}, "extent", None),
    ],
)
def test_how_values_may_be_given(worker, results, given, name, expected):
    assert run(worker, POINTS=f"{results}|layername=clusters", **given)[name] == expected


def test_an_extent_is_asked_in_degrees(worker, results):
    mercator = QgsCoordinateReferenceSystem("EPSG:3857")
    box = QgsReferencedRectangle(QgsRectangle(0, 0, 111319.49, 111325.14), mercator)
    asked = run(worker, POINTS=f"{results}|layername=clusters", EXTENT=box)
    assert asked["extent"] == pytest.approx([0, 0, 1, 1], abs=1e-5)


def test_a_layer_that_is_its_file_is_not_copied(worker, results, opened):
    asked = run(worker, POINTS=opened(results, "clusters"))
    assert asked["points"] == {"path": str(results), "layer": "clusters"}


def test_a_memory_layer_is_written_for_the_job_and_gone_after(worker, places):
    asked = run(worker, POINTS=places, FIELDS=["wealth"])
    rows, layer = written(worker, "points")
    assert [row[1:] for row in rows] == [["a", 0.0, "same"], ["b", 0.5, "same"], ["c", 1.0, "same"]]
    assert layer.crs() == places.crs()
    assert asked["points"]["layer"] == "points"
    assert not Path(asked["points"]["path"]).exists()
    assert not Path(asked["points"]["path"]).parent.exists()


def names(worker):
    rows, layer = written(worker, "points")
    return [row[layer.fields().lookupField("name")] for row in rows]


def test_a_selection_alone(worker, places):
    places.selectByExpression("name <> 'b'")
    run(worker, POINTS=QgsProcessingFeatureSourceDefinition(places.id(), True))
    assert names(worker) == ["a", "c"]


def test_a_limit(worker, places):
    run(worker, POINTS=QgsProcessingFeatureSourceDefinition(places.id(), False, 2))
    assert names(worker) == ["a", "b"]


def test_a_filter(worker, places):
    places.setSubsetString("wealth > 0.2")
    run(worker, POINTS=places)
    assert names(worker) == ["b", "c"]


def test_a_filter_of_a_file(worker, results, opened):
    clusters = opened(results, "clusters")
    clusters.setSubsetString("cluster_id = 'c7'")
    asked = run(worker, POINTS=clusters)
    rows, layer = written(worker, "points")
    assert [row[layer.fields().lookupField("cluster_id")] for row in rows] == ["c7"]
    assert asked["points"]["path"] != str(results)


def test_a_coordinate_system_that_only_qgis_knows(worker, tmp_path):
    """As the user sets it for a shapefile without .prj."""
    (tmp_path / "towns.geojson").write_text(
        '{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"name": "a"}, '
        '"geometry": {"type": "Point", "coordinates": [500000, 0]}}]}'
    )
    towns = QgsProject.instance().addMapLayer(QgsVectorLayer(str(tmp_path / "towns.geojson"), "towns", "ogr"))
    towns.setCrs(QgsCoordinateReferenceSystem("EPSG:32737"))
    run(worker, POINTS=towns)
    rows, layer = written(worker, "points")
    assert len(rows) == 1 and layer.crs().authid() == "EPSG:32737"


def test_edits_that_are_not_saved(worker, results, opened):
    clusters = opened(results, "clusters")
    clusters.startEditing()
    clusters.deleteFeatures([feature.id() for feature in clusters.getFeatures("cluster_id <> 'c3'")])
    run(worker, POINTS=clusters)
    rows, _ = written(worker, "points")
    assert len(rows) == 1
    clusters.rollBack()


def test_a_joined_table(worker, places, tmp_path):
    """Positions in one file and indicators in another, as surveys come."""
    (tmp_path / "survey.csv").write_text("key,income\na,5\nc,7\n")
    table = QgsProject.instance().addMapLayer(QgsVectorLayer(str(tmp_path / "survey.csv"), "survey", "ogr"))
    join = QgsVectorLayerJoinInfo()
    join.setJoinLayer(table)
    join.setJoinFieldName("key")
    join.setTargetFieldName("name")
    join.setUsingMemoryCache(True)
    places.addJoin(join)
    run(worker, POINTS=places, FIELD="survey_income")
    rows, layer = written(worker, "points")
    column = layer.fields().lookupField("survey_income")
    assert [str(row[column]) for row in rows] == ["5", "NULL", "7"]


def test_delimited_text_with_coordinates(worker, tmp_path):
    path = tmp_path / "points é.csv"
    path.write_text("name;lon;lat;path;photo\na;32;1;a.jpg;x/a.jpg\nb;33;2;/b.jpg;\n", encoding="utf-8")
    uri = f"{path.as_uri()}?delimiter=;&xField=lon&yField=lat&crs=EPSG:4326"
    layer = QgsProject.instance().addMapLayer(QgsVectorLayer(uri, "text", "delimitedtext"))
    assert layer.isValid()
    run(worker, POINTS=layer, PHOTO_FILE="photo")
    rows, written_layer = written(worker, "points")
    assert [row[1] for row in rows] == ["a", "b"]
    # Paths are relative to the table, which the worker does not see.
    assert [row[4] for row in rows] == [str(tmp_path / "a.jpg"), "/b.jpg"]
    assert rows[0][5] == str(tmp_path / "x" / "a.jpg") and not rows[1][5]
    assert written_layer.extent() == layer.extent()


def test_a_file_that_qgis_cannot_read_is_left_to_the_library(worker, tmp_path):
    path = tmp_path / "clusters.parquet"
    path.write_bytes(b"PAR1")
    assert run(worker, POINTS=str(path))["points"] == {"path": str(path), "layer": None}


@pytest.fixture
def raster(tmp_path):
    """An ASCII grid: GDAL alone reads it."""
    path = tmp_path / "raster.asc"
    path.write_text("ncols 2\nnrows 2\nxllcorner 0\nyllcorner 0\ncellsize 1\n1 2\n3 4\n")
    return path


def test_rasters(worker, results, raster):
    layer = QgsProject.instance().addMapLayer(QgsRasterLayer(str(raster), "r"))
    points = f"{results}|layername=clusters"
    asked = run(worker, POINTS=points, RASTER=layer.id(), RASTERS=[layer, str(raster)])
    assert asked["raster"] == str(raster)
    assert asked["rasters"] == [str(raster)] * 2


def test_a_raster_of_the_web_is_refused(plugin):
    web = QgsRasterLayer("type=xyz&url=http://127.0.0.1:9/{z}/{x}/{y}.png", "Streets", "wms")
    with pytest.raises(SourceError, match="Streets is no file of this computer"):
        raster_file(web, QgsProcessingContext())


def test_what_is_wrong_is_said_before_a_worker_starts(worker, results, places, tmp_path):
    points = f"{results}|layername=clusters"
    edges = f"{results}|layername=edges"
    assert "has lines, not points" in refused(POINTS=edges)
    assert "has no polygons" in refused(POINTS=points, POLYGONS=points)
    assert "cannot be opened as a vector layer" in refused(POINTS="/none.gpkg")
    told = refused(POINTS=points, FIELDS=["wealth", "income"])
    assert "there is no field income. There are: " in told and "cluster_id" in told
    assert "There is no forest; choose one of: none, dhs, other" in refused(POINTS=points, CHOICE="forest")
    assert "there is no file" in refused(POINTS=points, FILE=str(tmp_path / "none.yaml"))
    assert "there is no folder" in refused(POINTS=points, FOLDER=str(tmp_path / "none"))
    assert "Could not load source layer for RASTER" in refused(
        POINTS=points, RASTER=str(tmp_path / "none.tif")
    )
    assert "'a' is no change" in refused(POINTS=points, SETTINGS="a")
    assert "Incorrect parameter value for DATE" in refused(POINTS=points, DATE="31.1.2024")
    assert "INTEGER" in refused(POINTS=points, INTEGER=10)
    assert "POINTS" in refused()
    assert "written as .gpkg" in refused(POINTS=points, OUTPUT=str(tmp_path / "a.csv"))
    assert not worker.asked.exists()


def test_an_existing_target_is_refused_and_untouched(worker, results):
    before = results.read_bytes()
    assert "never overwritten" in refused(POINTS=f"{results}|layername=clusters", OUTPUT=str(results))
    assert results.read_bytes() == before


def test_results_are_loaded_as_a_map(worker, results, tmp_path, tree):
    out = tmp_path / "new" / "out.gpkg"
    given = {"POINTS": f"{results}|layername=clusters", "OUTPUT": str(out)}
    done = processing.runAndLoadResults("geolivelihood:everything", given)
    assert done["OUTPUT"] == str(out) and len(done["LAYERS"]) == 7
    assert tree()[0][0] == "Results: out"
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_without_a_name_it_goes_beside_the_input(worker, results, tmp_path):
    for number in (1, 2):
        name = f"every-000{number}"
        done = processing.run("geolivelihood:everything", {"POINTS": f"{results}|layername=clusters"})
        assert done["OUTPUT"] == str(tmp_path / "results" / name / f"{name}.gpkg")


def test_a_table(worker, tmp_path):
    done = processing.runAndLoadResults("geolivelihood:a_table", {"OUTPUT": str(tmp_path / "t.csv")})
    (layer,) = QgsProject.instance().mapLayers().values()
    assert layer.name() == "Numbers" and layer.source() == done["LAYERS"][0]
    assert [feature["name"] for feature in layer.getFeatures()] == ["a"]


def test_folders(worker, tmp_path):
    def folder(name, out):
        return Path(processing.run(f"geolivelihood:{name}", {"OUTPUT": str(out)})["OUTPUT"])

    new = tmp_path / "new.folder"
    assert folder("a_folder", new) == new and (new / "file.txt").exists()
    assert folder("a_folder", new) == new / "photos-0001"
    assert folder("resumed", new) == new
    with pytest.raises(QgsProcessingException, match=r"file\.txt is a file"):
        folder("resumed", new / "file.txt")


def test_the_interface_stays_live_and_a_job_can_be_cancelled(worker, places, wait_for, tmp_path):
    ticks, ends = [], []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(1))
    timer.start(10)
    given = {"POINTS": places, "SLOW": True, "OUTPUT": str(tmp_path / "new" / "out.gpkg")}
    job = AlgorithmRun("geolivelihood:everything", given, lambda *end: ends.append(end))
    wait_for(lambda: "started" in job.feedback.textLog() and len(ticks) > 20)
    QgsProject.instance().removeMapLayer(places.id())  # what was asked is a snapshot
    job.task.cancel()
    wait_for(lambda: ends)
    timer.stop()
    assert not ends[0][0]
    assert list((tmp_path / "new").iterdir()) == []
    assert not Path(worker.request()["params"]["points"]["path"]).exists()


def test_the_dialog_has_a_widget_for_each_parameter(plugin, worker, places, monkeypatch):
    monkeypatch.setattr(plugin.iface, "browserModel", lambda: None)
    dialog = processing.createAlgorithmDialog("geolivelihood:everything", {"POINTS": places.id()})
    shown = (
        dialog.getParameterValues()
        if hasattr(dialog, "getParameterValues")
        else dialog.createProcessingParameters()
    )
    assert shown["CHOICE"] == 1 and shown["NUMBER"] == 0.9
    assert set(shown) >= {item["name"].upper() for item in EVERYTHING["parameters"]} - {"OUTPUT"}
    good, reason = dialog.algorithm().checkParameterValues(shown, QgsProcessingContext())
    assert not good or reason == ""
    dialog.deleteLater()


def test_batch_mode(worker, results, tmp_path, wait_for):
    from processing.gui.BatchAlgorithmDialog import BatchAlgorithmDialog

    dialog = BatchAlgorithmDialog(algorithm())
    dialog.show()  # one that is not seen is deleted with its last row, at once where events are forced
    panel = dialog.mainWidget()
    panel.addRow()
    outs = [tmp_path / "batch" / f"{number}.gpkg" for number in range(2)]
    rows = [
        {"POINTS": f"{results}|layername=clusters", "NUMBER": 0.5 + number / 4, "OUTPUT": str(out)}
        for number, out in enumerate(outs)
    ]
    assert panel.valueForParameter(1, "NUMBER") == 0.9  # it has a widget
    panel.parametersForRow = lambda row, *_, **__: (rows[row], True)
    dialog.runAlgorithm()
    wait_for(lambda: all(out.exists() for out in outs) and len(QgsProject.instance().mapLayers()) == 14)
    wait_for(lambda: not dialog.cancelButton().isEnabled())
    assert worker.request()["params"]["number"] == 0.75
    sip.delete(dialog)


def model(tmp_path):
    """A model with one input and our algorithm, stored and read again."""
    made = QgsProcessingModelAlgorithm("chain", "ours")
    made.addModelParameter(
        QgsProcessingParameterFeatureSource("where", "Where"), QgsProcessingModelParameter("where")
    )
    child = QgsProcessingModelChildAlgorithm("geolivelihood:everything")
    source = QgsProcessingModelChildParameterSource
    child.setChildId("ours")
    child.addParameterSources("POINTS", [source.fromModelParameter("where")])
    child.addParameterSources("NUMBER", [source.fromStaticValue(0.6)])
    child.addParameterSources("OUTPUT", [source.fromStaticValue(str(tmp_path / "model" / "out.gpkg"))])
    made.addChildAlgorithm(child)
    path = tmp_path / "chain.model3"
    assert made.toFile(str(path))
    read = QgsProcessingModelAlgorithm()
    assert read.fromFile(str(path))
    return read


def test_a_model_contains_it(worker, places, tmp_path):
    read = model(tmp_path)
    assert read.canExecute()[0]
    processing.run(read, {"where": places})
    assert (tmp_path / "model" / "out.gpkg").exists()
    assert worker.request()["params"]["number"] == 0.6
    assert names(worker) == ["a", "b", "c"]
