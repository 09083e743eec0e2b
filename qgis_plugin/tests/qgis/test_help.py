"""Every algorithm has a group in plain words and a page of help."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from geolivelihood_qgis.processing import help_pages
from geolivelihood_qgis.processing.base import groups
from qgis.core import QgsApplication, QgsProcessingAlgorithm, QgsProcessingParameterString
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtWidgets import QTextBrowser

EMPTY = {"meta", "br", "img"}


class Page(HTMLParser):
    """Reads a page; every element must be closed in its turn."""

    def __init__(self, text):
        super().__init__()
        self.open, self.texts, self.seen = [], [], set()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def algorithms():
    return QgsApplication.processingRegistry().providerById("geolivelihood").algorithms()


def test_every_algorithm_has_a_group_in_plain_words(plugin):
    known = {name: title for name, (_, title) in groups().items()}
    for algorithm in algorithms():
        assert known[algorithm.groupId()] == algorithm.group(), algorithm.name()


def test_help_opens_from_every_algorithm(plugin):
    for algorithm in algorithms():
        url = QUrl(algorithm.helpUrl())
        assert url.isLocalFile(), algorithm.name()
        text = Path(url.toLocalFile()).read_text(encoding="utf-8")
        page = Page(text)
        assert algorithm.displayName() in page.text and algorithm.group() in page.text
        assert f"geolivelihood:{algorithm.name()}" in page.text
        for one in algorithm.parameterDefinitions():
            assert one.name() in page.text and one.description() in page.text
            assert len(one.help()) > 10, (algorithm.name(), one.name())
            assert " ".join(one.help().split()) in page.text
        browser = QTextBrowser()
        browser.setHtml(text)
        assert algorithm.displayName() in browser.toPlainText()


def test_every_algorithm_of_the_provider_is_documented_in_full(plugin):
    for algorithm in algorithms():
        assert len(algorithm.shortHelpString()) > 50, algorithm.name()
        assert algorithm.tags(), algorithm.name()
        assert all(parameter.description() for parameter in algorithm.parameterDefinitions())


class Tricky(QgsProcessingAlgorithm):
    """One whose texts look like HTML."""

    def name(self):
        return "tricky"

    def displayName(self):
        return "A < B & <script>alert(1)</script>"

    def group(self):
        return "<img src=x>"

    def shortHelpString(self):
        return "plain"

    def initAlgorithm(self, configuration=None):
        parameter = QgsProcessingParameterString("A", "<b>A</b>", "<i>default</i>", optional=True)
        parameter.setHelp("<script>2</script>")
        self.addParameter(parameter)

    def createInstance(self):
        return Tricky()


def test_texts_are_texts(qgis_app):
    page = Page(help_pages.page(Tricky().create()))
    assert page.seen.isdisjoint({"script", "img", "b", "i"})
    assert "<b>A</b>" in page.text and "default: <i>default</i>" in page.text


def test_a_page_that_cannot_be_written_is_no_fault(plugin, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(help_pages.QgsProcessingUtils, "tempFolder", lambda *_: str(tmp_path / "file"))
    assert algorithms()[0].helpUrl() == ""


@pytest.mark.parametrize("words", ["needed", "may be left empty", "at least 1", "at most 9", "default: 3"])
def test_facts_of_parameters(qgis_app, words):
    from geolivelihood_qgis.processing.described import DescribedAlgorithm
    from geolivelihood_qgis.processing.descriptions import read

    numbers = {"name": "n", "kind": "integer", "title": "N", "min": 1, "max": 9, "default": 3}
    text = {"name": "t", "kind": "text", "title": "T", "optional": True}
    file = {"name": "f", "kind": "file", "title": "F"}
    data = {"id": "a", "title": "A", "parameters": [numbers, text, file], "output": {"kind": "folder"}}
    made = DescribedAlgorithm(read(data))
    made.initAlgorithm()
    assert words in Page(help_pages.page(made)).text
