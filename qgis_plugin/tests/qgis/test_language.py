"""QGIS in French: the plugin speaks it too, and leaves no translator behind."""

import pytest
import translations
from geolivelihood_qgis.compat import tr
from geolivelihood_qgis.env import language
from geolivelihood_qgis.plugin import GeolivelihoodPlugin
from qgis.core import QgsApplication

SAID = "Settings..."

pytestmark = pytest.mark.usefixtures("lrelease")


@pytest.fixture(autouse=True)
def compiled():
    """The translations as QGIS reads them."""
    return translations.compile_all()


@pytest.mark.parametrize("name", ["fr", "fr_CA"])
def test_french(name):
    translator = language.install(name)
    try:
        assert tr(SAID) == translations.translations(translations.ts_file("fr"))[SAID] != SAID
    finally:
        language.remove(translator)
    assert tr(SAID) == SAID


def test_a_language_without_a_translation_is_english():
    assert language.install("eo") is None
    assert tr(SAID) == SAID


def test_the_plugin_takes_the_language_of_qgis(monkeypatch):
    monkeypatch.setattr(QgsApplication, "locale", staticmethod(lambda: "fr"))
    plugin = GeolivelihoodPlugin(None)
    assert tr(SAID) != SAID
    plugin.unload()
    assert tr(SAID) == SAID
