"""The plugin in the language that QGIS speaks, where there is a translation."""

from pathlib import Path

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, QTranslator

FOLDER = Path(__file__).parents[1] / "i18n"


def install(language=""):
    """Translate the plugin's texts from now on; return what :func:`remove` takes, or ``None``.

    ``language`` is that of QGIS unless given: ``fr``, or with a country, ``fr_CA``. English needs nothing.
    """
    language = language or QgsApplication.instance().locale()
    for name in (language, language.partition("_")[0]):
        file = FOLDER / f"geolivelihood_qgis_{name}.qm"
        if file.exists():
            translator = QTranslator()
            if translator.load(str(file)):
                QCoreApplication.installTranslator(translator)
                return translator
    return None


def remove(translator):
    """Speak English again."""
    if translator is not None:
        QCoreApplication.removeTranslator(translator)
