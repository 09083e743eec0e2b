"""A result as a layout of the project and as a PDF; never over an existing file."""

import os
from pathlib import Path

from qgis.core import QgsLayoutExporter

from ..compat import tr
from . import facts as told
from . import map_layers, sheet

MANY_CELLS = 20_000
"""More are printed as a picture: as shapes they would make a PDF that no reader opens quickly."""


class PrintError(Exception):
    """A map that cannot be printed, and why."""


def print_result(project, path, target, *, indicator="", title=""):
    """Make the layout, keep it in the project, and write it to ``target``; return its name.

    Runs on the main thread: layouts and the project belong to it. Raises :class:`PrintError` or
    :class:`ResultsError`; then the project holds no new layout and there is no new file.
    """
    target = Path(target)
    _check(target)
    facts = told.read(path, indicator)
    layers = map_layers.of_project(project, facts.path)
    layout = sheet.build(project, layers, facts, title=title, name=_free_name(project, facts))
    write(layout, target, as_picture=facts.cells > MANY_CELLS)
    project.layoutManager().addLayout(layout)
    return layout.name()


def write(layout, target, *, as_picture=False):
    """Write a layout to a PDF: whole or not at all."""
    _check(target)
    part = target.with_name(f"{target.stem}.part.pdf")
    settings = QgsLayoutExporter.PdfExportSettings()
    settings.dpi = 300
    settings.rasterizeWholeImage = as_picture
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
