"""Thumbnails read in the background: of photos whole, of georeferenced files the part that is asked for."""

from qgis.core import (
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsMapRendererCustomPainterJob,
    QgsMapSettings,
    QgsRasterLayer,
    QgsTask,
)
from qgis.PyQt.QtCore import QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QImage, QImageReader, QPainter

from ..compat import tr
from ..evidence.book import is_file

SIZE = QSize(132, 99)


class ThumbnailTask(QgsTask):
    """Reads pictures one after another; ``made`` tells the number of the show, of the picture, and the image.

    The image is null where there is a problem, told by the last argument.
    """

    made = pyqtSignal(int, int, QImage, str)

    def __init__(self, show, pictures):
        super().__init__(tr("Reading pictures"), QgsTask.Flag.CanCancel)
        self.show = show
        self.pictures = pictures
        self.live = True

    def run(self):
        for number, picture in enumerate(self.pictures):
            if self.isCanceled():
                return False
            image, problem = thumbnail(picture)
            self.made.emit(self.show, number, image, problem)
            self.setProgress(100 * (number + 1) / len(self.pictures))
        return True

    def finished(self, successful):
        self.live = False

    def stop(self):
        """Cancel the task, if QGIS has not thrown it away yet."""
        if self.live:
            self.cancel()


def thumbnail(picture):
    """A small image of a picture, and the problem if there is one."""
    if not picture.path:
        return QImage(), tr("no file named")
    if not is_file(picture.path):
        return QImage(), tr("file missing")
    image = QImage()
    if picture.box is None:
        reader = QImageReader(picture.path)
        reader.setAutoTransform(True)
        reader.setDecideFormatFromContent(True)
        if reader.size().isValid():
            reader.setScaledSize(reader.size().scaled(SIZE, Qt.AspectRatioMode.KeepAspectRatio))
        image = reader.read()
    if image.isNull():
        image = _rendered(picture)
    return image, "" if not image.isNull() else tr("not readable as a picture")


def _rendered(picture):
    """Draw the part of a georeferenced file that the picture is."""
    layer = QgsRasterLayer(picture.path, "thumbnail", "gdal")
    if not layer.isValid():
        return QImage()
    extent = layer.extent()
    if picture.box is not None:
        transform = QgsCoordinateTransform(picture.crs, layer.crs(), QgsCoordinateTransformContext())
        try:
            extent = transform.transformBoundingBox(picture.box)
        except QgsCsException:
            return QImage()
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setOutputSize(SIZE)
    settings.setExtent(extent)
    image = QImage(SIZE, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QgsMapRendererCustomPainterJob(settings, painter).renderSynchronously()
    painter.end()
    return image
