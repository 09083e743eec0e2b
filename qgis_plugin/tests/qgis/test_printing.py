"""The printed map: everything is on it, nothing lies on anything, and it is no white page."""

import contextlib
import html
import itertools
import json
import re
import sqlite3

import processing
import pytest
from geolivelihood_qgis.compat import sized_font
from geolivelihood_qgis.layers.results import ResultsError
from geolivelihood_qgis.printing import caveats, facts, pdf, sheet
from qgis.core import (
    Qgis,
    QgsLayoutExporter,
    QgsLayoutItemLegend,
    QgsPrintLayout,
    QgsProcessingException,
    QgsProject,
)
from qgis.PyQt.QtCore import QRectF
from qgis.PyQt.QtGui import QImage
from qgis.PyQt.QtWidgets import QFileDialog, QInputDialog

PIECES = set(sheet.SLOTS)
TOLD = {
    "run_id": "b99f",
    "time": "2026-01-01T00:00:00+00:00",
    "seed": 0,
    "versions": {"geolivelihood": "0.1.0"},
    "configuration": {
        "map_model": "cell",
        "licence": "CC0",
        "clusters": {"dhs": {"gps": "/somebody/private/GPS.shp", "recode": "C:\\private\\HR.DTA"}},
        "images": [
            {"name": "tiles", "licence": "CC BY 4.0"},
            {"name": "lights", "licence": "CC BY 4.0"},
            {"name": "objects", "detections_of": "photos"},
        ],
        "output": {"title": "Wealth [% 1 + 1 %] here", "labels": {"wealth": "Wealth index"}},
    },
    "scores": [
        {"model": model, "split": split, "indicator": "wealth", "metric": "r2", "value": value, "n": 75}
        | {"lower": value - 0.2, "upper": value + 0.1}
        for model, split, value in (
            ("cell", "random", 0.61),
            ("cell", "blocked", -0.04),
            ("mean", "random", 0.11),
        )
    ],
    "coverage": [{"indicator": "wealth", "group": "all", "nominal": 0.9, "coverage": 0.874}],
    "remarks": ["Blocks are narrow."],
}


def tell(path, provenance, *, doubtful=0):
    """Write a provenance into a results file and make some cells not applicable."""
    with contextlib.closing(sqlite3.connect(path)) as base, base:
        base.execute(
            "UPDATE gpkg_metadata SET metadata = ? WHERE mime_type = 'application/json'",
            (json.dumps(provenance),),
        )
        if doubtful:
            drop_triggers(base)
            base.execute("ALTER TABLE cells ADD COLUMN applicable BOOLEAN")
            base.execute("UPDATE cells SET applicable = fid > ?", (doubtful,))


def drop_triggers(base):
    """A GeoPackage's triggers call functions that plain SQLite has not."""
    for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        base.execute(f'DROP TRIGGER "{name}"')


@pytest.fixture
def printed(plugin, results, tmp_path):
    """A result with a full provenance, printed: the layout and the PDF."""
    tell(results, TOLD, doubtful=3)
    out = tmp_path / "Größe.pdf"
    done = processing.run("geolivelihood:print_result", {"INPUT": str(results), "OUTPUT": str(out)})
    assert done["OUTPUT"] == str(out)
    return QgsProject.instance().layoutManager().layoutByName(done["LAYOUT"]), out


def pieces(layout):
    """The items of the layout by name, with their place on the page."""
    named = [item for item in layout.items() if getattr(item, "id", str)()]
    return {item.id(): item.mapRectToScene(item.rect()) for item in named}


def text(layout, name):
    return layout.itemById(name).text()


def pages(path):
    """How many pages a PDF says it has; pages are written again with their place on earth, so the last."""
    return int(re.findall(rb"/Count (\d+)", path.read_bytes())[-1])


def test_everything_is_there_and_nothing_overlaps(printed):
    found = pieces(printed[0])
    assert set(found) == PIECES
    page = QRectF(0, 0, 297, 210)
    for name, place in found.items():
        assert page.contains(place), name
        assert place.width() > 1 and place.height() > 1, name
    for (one, first), (other, second) in itertools.combinations(found.items(), 2):
        assert not first.adjusted(0.1, 0.1, -0.1, -0.1).intersects(second), f"{one} lies on {other}"


def shape_of(label):
    """The format in which a label was made; before QGIS 3.24 it had a font only."""
    font = label.textFormat().font() if hasattr(label, "textFormat") else label.font()
    size = label.textFormat().size() if hasattr(label, "textFormat") else font.pointSizeF()
    return sheet._format(size, bold=font.bold())


def test_texts_fit_their_slots(printed):
    layout, _ = printed
    for name, (_, _, width, height) in sheet.SLOTS.items():
        item = layout.itemById(name)
        if hasattr(item, "sizeForText"):
            wraps = name in ("glqSources", "glqCaveats", "glqLegendTitle", "glqInsetTitle")
            shape = shape_of(item)
            assert sheet.text_height(item.text(), shape, width) <= height, name
            assert shape.size() > sheet.SMALLEST, name
            assert wraps or item.sizeForText().width() <= width + 1, name


def test_the_pdf_has_one_page_that_is_not_blank(printed, artefacts):
    layout, out = printed
    assert pages(out) == 1
    picture = artefacts / "print_result.png"
    picture.unlink(missing_ok=True)
    settings = QgsLayoutExporter.ImageExportSettings()
    settings.dpi = 100
    done = QgsLayoutExporter(layout).exportToImage(str(picture), settings)
    assert done == QgsLayoutExporter.ExportResult.Success
    image = QImage(str(picture))
    for name in PIECES:
        left, top, width, height = (round(side * 100 / 25.4) for side in sheet.SLOTS[name])
        seen = {
            image.pixel(x, y)
            for x in range(left, left + width, 2 if width > 60 else 1)
            for y in range(top, top + height, 2 if height > 60 else 1)
        }
        assert len(seen) > (6 if name == "glqMap" else 1), f"{name} is blank"
    assert not list(out.parent.glob("*.part*"))


def test_what_it_says(printed):
    layout, _ = printed
    read = text(layout, "glqCaveats")
    assert "Random split (places near surveyed ones, flattering) on 75 clusters: R² 0.61 (0.41" in read
    assert "Blocked split (districts where nobody surveyed) on 75 clusters: R² −0.04 (−0.24" in read
    assert "0.11" not in read  # the score of a model that did not make the map
    assert "Intervals meant to hold 90\u00a0% of the survey's values held 87\u00a0% of them" in read
    assert re.search(r"not applicable in 0\.\d\u00a0% of its cells \(3 of ", read)
    assert "Do not use this map" in read
    assert "Blocks are narrow." in read
    assert text(layout, "glqInsetTitle") == "Width of the 90\u00a0% interval"
    assert text(layout, "glqTitle") == "Wealth [ % 1 + 1 %] here"
    sources = text(layout, "glqSources")
    assert "Survey (GPS.shp, HR.DTA): CC0" in sources
    assert "tiles, lights: CC BY 4.0" in sources
    assert "private" not in sources and "objects" not in sources
    assert text(layout, "glqProvenance").startswith("Run b99f · geolivelihood 0.1.0 · 2026-01-01 00:00 UTC")


def test_what_nobody_told_is_said_to_be_unknown(plugin, results):
    tell(results, {})
    found = facts.read(results)
    read = "\n".join(caveats.paragraphs(found))
    assert "No scores are stored" in read
    assert "Nobody has checked where the map is applicable." in read
    assert facts.provenance_line(found).startswith("No provenance in the file")


def test_pictures_bring_their_licence_and_creators(plugin, results):
    with contextlib.closing(sqlite3.connect(results)) as base, base:
        drop_triggers(base)
        for name in ("license", "creator"):
            base.execute(f"ALTER TABLE images ADD COLUMN {name} TEXT")
        base.execute("UPDATE images SET license = 'CC BY-SA 4.0', creator = 'walker ' || (fid % 6)")
    assert facts.sources(facts.read(results)) == [
        "pictures (walker 0, walker 1, walker 2 and 3 more): CC BY-SA 4.0"
    ]


def test_the_inset_and_its_legend_show_the_width(printed):
    layout, _ = printed
    (cells,) = QgsProject.instance().mapLayersByName("Cells")
    maps = [layout.itemById(name) for name in ("glqMap", "glqInset")]
    overrides = [item.layerStyleOverrides()[cells.id()] for item in maps]
    assert 'attr="wealth"' in overrides[0]
    assert "wealth_upper" in overrides[1] and overrides[0] != overrides[1]
    labels = [
        {
            node.data(0)
            for layer in layout.itemById(name).model().rootGroup().findLayers()
            for node in layout.itemById(name).model().layerLegendNodes(layer)
        }
        for name in ("glqLegend", "glqInsetLegend")
    ]
    assert "Outlines of regions" in labels[0]
    assert labels[0] != labels[1]


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM layer_styles WHERE styleName LIKE 'uncertainty%' OR styleName = 'outline'",
        "UPDATE cells SET wealth_lower = NULL, wealth_upper = NULL",
    ],
    ids=["no style", "no values"],
)
def test_no_inset_without_an_interval(plugin, results, tmp_path, change):
    with contextlib.closing(sqlite3.connect(results)) as base, base:
        drop_triggers(base)
        base.execute(change)
    out = tmp_path / "map.pdf"
    done = processing.run("geolivelihood:print_result", {"INPUT": str(results), "OUTPUT": str(out)})
    layout = QgsProject.instance().layoutManager().layoutByName(done["LAYOUT"])
    assert set(pieces(layout)) == {name for name in PIECES if "Inset" not in name}
    assert pages(out) == 1


def test_long_texts_shrink_or_are_cut_but_never_overflow(plugin, results, tmp_path):
    long = "A very long name of an index of households, " * 12
    told = json.loads(json.dumps(TOLD))
    told["configuration"]["output"] = {"title": long, "labels": {"wealth": long}}
    told["configuration"]["images"] = [{"name": f"pictures {i}", "licence": f"{i} {long}"} for i in range(9)]
    told["remarks"] = [long] * 9
    tell(results, told)
    out = tmp_path / "map.pdf"
    done = processing.run("geolivelihood:print_result", {"INPUT": str(results), "OUTPUT": str(out)})
    layout = QgsProject.instance().layoutManager().layoutByName(done["LAYOUT"])
    for name in ("glqTitle", "glqSubtitle", "glqSources", "glqCaveats", "glqLegendTitle"):
        item = layout.itemById(name)
        _, _, width, height = sheet.SLOTS[name]
        assert sheet.text_height(item.text(), shape_of(item), width) <= height, name
    assert text(layout, "glqSources").endswith(" …")
    assert "Do not use this map" in text(layout, "glqCaveats")


def test_scores_have_the_digits_that_say_something(plugin, results):
    row = {"model": "cell", "split": "blocked", "indicator": "wealth", "metric": "mae", "n": 5563}
    tell(results, {**TOLD, "scores": [{**row, "value": 0.0337, "lower": 0.0321, "upper": 0.0352}]})
    read = "\n".join(caveats.paragraphs(facts.read(results)))
    assert "on 5,563 clusters: mean absolute error 0.0337 (0.0321 to 0.0352)." in read
    assert "Random split (places near surveyed ones): not tested in this run." in read


def test_the_layout_stays_in_the_project(printed, results, tmp_path, qgis_new_project):
    layout, _ = printed
    project, path = QgsProject.instance(), str(tmp_path / "saved.qgz")
    name, before = layout.name(), pieces(layout)
    assert project.write(path)
    project.clear()
    assert project.read(path)
    layout = project.layoutManager().layoutByName(name)
    assert isinstance(layout, QgsPrintLayout)
    assert {key: place.center() for key, place in pieces(layout).items()}.keys() == before.keys()
    assert not layout.itemById("glqMap").extent().isEmpty()
    assert len(layout.itemById("glqMap").layers()) == 2
    assert isinstance(layout.itemById("glqLegend"), QgsLayoutItemLegend)
    pdf.write(layout, tmp_path / "again.pdf")
    assert pages(tmp_path / "again.pdf") == 1


def test_layers_of_the_project_are_used_and_keep_their_style(plugin, results, tmp_path, tree):
    processing.runAndLoadResults("geolivelihood:load_results", {"INPUT": str(results)})
    (cells,) = QgsProject.instance().mapLayersByName("Cells")
    before, style = tree(), cells.renderer().dump()
    for number in (1, 2):
        out = tmp_path / f"{number}.pdf"
        processing.run("geolivelihood:print_result", {"INPUT": str(results), "OUTPUT": str(out)})
    assert tree() == before
    assert cells.renderer().dump() == style
    names = [layout.name() for layout in QgsProject.instance().layoutManager().layouts()]
    assert len(set(names)) == 2


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"INDICATOR": "happiness"}, "no indicator happiness; it has: wealth"),
        ({"OUTPUT": "there.pdf"}, "never overwritten"),
        ({"OUTPUT": "map.txt"}, "ends in .pdf"),
        ({"OUTPUT": "no folder/map.pdf"}, "no folder"),
        ({"INPUT": "missing.gpkg"}, "no file"),
    ],
)
def test_what_cannot_be_printed(plugin, results, tmp_path, wrong, words, tree):
    (tmp_path / "there.pdf").write_text("mine")
    parameters = {"INPUT": str(results), "OUTPUT": str(tmp_path / "new.pdf")}
    parameters |= {
        key: str(tmp_path / value) if key != "INDICATOR" else value for key, value in wrong.items()
    }
    with pytest.raises(QgsProcessingException, match=words):
        processing.run("geolivelihood:print_result", parameters)
    assert (tmp_path / "there.pdf").read_text() == "mine"
    assert [path.name for path in tmp_path.glob("*.pdf")] == ["there.pdf"]
    assert QgsProject.instance().layoutManager().layouts() == []
    assert tree() == []


def test_a_result_without_cells(plugin, results):
    with contextlib.closing(sqlite3.connect(results)) as base, base:
        base.execute("DROP TABLE cells")
    with pytest.raises(ResultsError, match="no layer 'cells'"):
        facts.read(results)


@pytest.fixture
def answers(monkeypatch, tmp_path):
    """Answer the dialogs."""

    def answers(target, source=""):
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(source), ""))
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(target), ""))
        monkeypatch.setattr(QInputDialog, "getItem", lambda *_, **__: ("wealth", True))

    return answers


def act(plugin):
    bar = plugin.iface.messageBar()
    bar.clear_messages()
    next(action for action in plugin.actions if action.objectName() == "glqActionPrint").trigger()
    return [(level, said) for level, texts in bar.messages.items() for said in texts]


def test_print_from_the_toolbar(plugin, results, tmp_path, answers):
    processing.runAndLoadResults("geolivelihood:load_results", {"INPUT": str(results)})
    answers(tmp_path / "karte")
    ((level, said),) = act(plugin)
    assert level == Qgis.MessageLevel.Success, said
    assert "karte.pdf" in said and "Project > Layouts" in html.unescape(said)
    assert pages(tmp_path / "karte.pdf") == 1

    ((level, said),) = act(plugin)
    assert level == Qgis.MessageLevel.Critical
    assert "never overwritten" in said


def test_print_asks_for_a_file_where_nothing_is_loaded(plugin, results, tmp_path, answers):
    answers("", source="")
    assert act(plugin) == []
    answers(tmp_path / "map.pdf", source=tmp_path / "missing.gpkg")
    ((level, said),) = act(plugin)
    assert level == Qgis.MessageLevel.Critical and "no file" in said
    answers(tmp_path / "map.pdf", source=results)
    ((level, said),) = act(plugin)
    assert level == Qgis.MessageLevel.Success, said


def test_fonts_have_their_size():
    assert sized_font(sheet._format(7.25)).pointSizeF() == 7.25
