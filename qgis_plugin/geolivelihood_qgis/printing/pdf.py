"""A result as a layout of the project and as a PDF; never over an existing file."""

import os
from pathlib import Path

from qgis.core import QgsFeedback, QgsLayoutExporter
from qgis.PyQt import sip

from ..compat import tr
from . import facts as told
from . import map_layers, sheet
from .rendered import Cancelled, drawn_maps

MANY_CELLS = 5_000
"""More are printed as a picture, which threads draw: as shapes they would stop QGIS and every reader."""


class PrintError(Exception):
    """A map that cannot be printed, and why."""


def print_result(project, path, target, *, indicator="", title="", feedback=None):
    """Make the layout, keep it in the project, and write it to ``target``; return its name.

    Runs on the main thread, to which layouts and the project belong, but answers the user while it draws.
    Raises :class:`PrintError` or :class:`ResultsError`; then the project holds no new layout and there is no
    new file.
    """
    feedback = feedback or QgsFeedback()
    target = Path(target)
    _check(target)
    facts = told.read(path, indicator)
    layers = map_layers.of_project(project, facts.path)
    layout = sheet.build(project, layers, facts, title=title, name=_free_name(project, facts))
    feedback.setProgress(10)
    if facts.cells > MANY_CELLS:
        try:
            with drawn_maps(layout, feedback, lambda: _check_there(project, layers)):
                write(layout, target)
        except Cancelled:
            raise PrintError(tr("Cancelled: nothing was printed.")) from None
        except OSError as error:
            raise PrintError(tr("{} was not written: {}").format(target, error.strerror)) from error
    else:
        write(layout, target)
    feedback.setProgress(100)
    project.layoutManager().addLayout(layout)
    return layout.name()


def _check_there(project, layers):
    """The user may have taken layers off while the maps were drawn."""
    if any(sip.isdeleted(layer) or not project.mapLayer(layer.id()) for layer in layers.values()):
        raise PrintError(tr("A layer was removed while it was printed: print again."))


def write(layout, target):
    """Write a layout to a PDF: whole or not at all."""
    _check(target)
    part = target.with_name(f"{target.stem}.part.pdf")
    settings = QgsLayoutExporter.PdfExportSettings()
    settings.dpi = 300
    try:
        done = QgsLayoutExporter(layout).exportToPdf(str(part), settings)
        if done != QgsLayoutExporter.ExportResult.Success or not part.is_file():
            raise PrintError(tr("{} was not written. Is there room and permission?").format(target))
        part.replace(target)
    except OSError as error:
        raise PrintError(tr("{} was not written: {}").format(target, error.strerror)) from error
    finally:
        part.unlink(missing_ok=True)


def _check(target):
    if target.suffix.lower() != ".pdf":
        raise PrintError(tr("{}: choose a name that ends in .pdf.").format(target))
    if os.path.lexists(target):
        raise PrintError(tr("{} exists and is never overwritten. Choose a new name.").format(target))
    if not target.parent.is_dir():
        raise PrintError(tr("There is no folder {}.").format(target.parent))
    if not os.access(target.parent, os.W_OK):
        raise PrintError(tr("{} cannot be written to. Choose another folder.").format(target.parent))


def _free_name(project, facts):
    stem = tr("Map of {} ({})").format(told.label(facts), facts.path.stem)
    taken = {layout.name() for layout in project.layoutManager().layouts()}
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem} {number}", number + 1
    return name
