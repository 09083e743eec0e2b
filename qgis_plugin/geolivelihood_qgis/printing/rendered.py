"""The maps of a layout drawn beforehand by threads, while the interface stays alive."""

import contextlib

from qgis.core import (
    QgsLayoutItemMap,
    QgsLayoutItemPicture,
    QgsLayoutPoint,
    QgsLayoutSize,
    QgsMapRendererParallelJob,
    QgsUnitTypes,
)
from qgis.PyQt.QtCore import QEventLoop, QSizeF, QTemporaryDir, QTimer

from ..compat import tr

MM = QgsUnitTypes.LayoutUnit.LayoutMillimeters
RASTER = QgsLayoutItemPicture.Format.FormatRaster
DPI = 300
POLL_MS = 50


class Cancelled(Exception):
    """Somebody does not want the map any more."""


@contextlib.contextmanager
def drawn_maps(layout, feedback, check):
    """Put pictures in the place of the layout's maps, for as long as it is exported.

    Threads draw them while this thread keeps answering the user; raises :class:`Cancelled`, and what
    ``check()`` raises, which is asked after each map.
    """
    folder, added = QTemporaryDir(), []
    maps = [item for item in layout.items() if isinstance(item, QgsLayoutItemMap)]
    drawings = [_settings(item) for item in maps]
    try:
        for number, (item, (settings, _)) in enumerate(zip(maps, drawings)):
            image = _image(settings, feedback)
            check()
            path = folder.filePath(f"map{number}.png")
            if not image.save(path):
                raise OSError(28, tr("no room for the picture of the map"))
            added.append(_picture(layout, item, path))
            feedback.setProgress(10 + 70 * (number + 1) / len(maps))
        for item in maps:
            item.setExcludeFromExports(True)
        yield
    finally:
        for item in maps:
            item.setExcludeFromExports(False)
        for picture in added:
            layout.removeLayoutItem(picture)
        folder.remove()


def _settings(item):
    """How a map is drawn, with copies of its layers: the user may remove the layers meanwhile."""
    size = item.sizeWithUnits()
    pixels = QSizeF(size.width() * DPI / 25.4, size.height() * DPI / 25.4)
    settings = item.mapSettings(item.extent(), pixels, DPI, True)
    looks, copies = settings.layerStyleOverrides(), {}
    for layer in settings.layers():
        copies[layer.id()] = layer.clone()
    settings.setLayers(list(copies.values()))
    settings.setLayerStyleOverrides(
        {copies[name].id(): look for name, look in looks.items() if name in copies}
    )
    return settings, list(copies.values())


def _image(settings, feedback):
    """A map drawn in the background."""
    job = QgsMapRendererParallelJob(settings)
    loop, timer = QEventLoop(), QTimer()
    job.finished.connect(loop.quit)
    timer.timeout.connect(lambda: loop.quit() if feedback.isCanceled() else None)
    timer.start(POLL_MS)
    job.start()
    if job.isActive():
        loop.exec()
    timer.stop()
    if feedback.isCanceled():
        job.cancelWithoutBlocking()
        job.waitForFinished()
        raise Cancelled
    return job.renderedImage()


def _picture(layout, item, path):
    """The picture of a map, where the map is."""
    picture = QgsLayoutItemPicture(layout)
    picture.setPicturePath(path, RASTER)
    place, size = item.positionWithUnits(), item.sizeWithUnits()
    picture.attemptResize(QgsLayoutSize(size.width(), size.height(), MM))
    picture.attemptMove(QgsLayoutPoint(place.x(), place.y(), MM))
    picture.setFrameEnabled(item.frameEnabled())
    picture.setFrameStrokeColor(item.frameStrokeColor())
    layout.addLayoutItem(picture)
    return picture
