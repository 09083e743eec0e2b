"""Layers as a program outside QGIS can read them: their own file where it says it all, else a copy.

A selection, a filter, edits that are not saved, joins and memory layers are known to QGIS alone. What of them
must be written is taken on the main thread as a snapshot, and written on any.
"""

import contextlib
from collections import namedtuple
from pathlib import Path

from qgis.core import (
    QgsFeatureRequest,
    QgsFeatureSink,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingUtils,
    QgsProperty,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsVectorLayerFeatureSource,
)

from ..compat import is_null, tr

PARQUET = {".geoparquet", ".parquet"}
READABLE = {".csv", ".fgb", ".geojson", ".gpkg", ".json", ".shp"} | PARQUET
"""Endings of vector files and tables that the library reads."""

Limits = namedtuple("Limits", "selected most expression", defaults=(False, -1, ""))


class SourceError(ValueError):
    """A layer that cannot be used; the text says why, and what to do."""


class Source:
    """One layer: ``path`` and ``layer`` once :meth:`write` was called, where that was needed."""

    def __init__(self, path=None, layer=None, snapshot=None):
        self.path = path
        self.layer = layer
        self.snapshot = snapshot

    def write(self, name, feedback):
        """Write the file where there is none yet; return path and layer for the library."""
        if self.snapshot is not None:
            self.path = QgsProcessingUtils.generateTempFilename(f"{name}.gpkg")
            self.layer = name
            self.snapshot.write(self.path, name, feedback)
        return {"path": self.path, "layer": self.layer}

    def drop(self):
        """Delete what was written."""
        if self.snapshot is None or self.path is None:
            return
        for end in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(OSError):
                Path(self.path + end).unlink()
        with contextlib.suppress(OSError):
            Path(self.path).parent.rmdir()


class Snapshot:
    """The features of a layer as they are now; made on the main thread, to which the layer belongs.

    ``paths`` are fields with names of files: those are relative to the folder of the layer's own file, and
    are written in full.
    """

    def __init__(self, layer, limits, context):
        self.features = QgsVectorLayerFeatureSource(layer)
        self.fields = layer.fields()
        self.geometry = layer.wkbType()
        self.crs = layer.crs()
        self.transforms = context.transformContext()
        self.chosen = set(layer.selectedFeatureIds()) if limits.selected else None
        self.limits = limits
        self.folder = _folder(layer)
        self.paths = {"path"}
        self.total = len(self.chosen) if limits.selected else layer.featureCount()

    def write(self, path, name, feedback):
        """Write them to a new GeoPackage."""
        options = QgsVectorFileWriter.SaveVectorOptions()
        options.driverName = "GPKG"
        options.layerName = name
        options.layerOptions = ["FID=glq_fid"]  # a column 'fid' of the layer is a column like any other
        writer = QgsVectorFileWriter.create(
            path, self.fields, self.geometry, self.crs, self.transforms, options
        )
        self._check(writer)
        request = QgsFeatureRequest()
        if self.limits.expression:
            request.setFilterExpression(self.limits.expression)
        columns = [self.fields.lookupField(name) for name in self.paths if self.folder]
        written = 0
        for feature in self.features.getFeatures(request):
            if feedback.isCanceled() or written == self.limits.most:
                break
            if self.chosen is None or feature.id() in self.chosen:
                for column in columns:
                    self._complete(feature, column)
                writer.addFeature(feature, QgsFeatureSink.Flag.FastInsert)
                written += 1
                if written % 1000 == 0 and self.total > 0:
                    feedback.setProgress(100 * written / self.total)
        writer.flushBuffer()
        self._check(writer)
        del writer

    def _complete(self, feature, column):
        path = feature[column] if column >= 0 else None
        if isinstance(path, str) and path and "://" not in path:
            feature[column] = str(self.folder / path)

    def _check(self, writer):
        if writer.hasError() != QgsVectorFileWriter.WriterError.NoError:
            raise SourceError(writer.errorMessage())


def vector_source(value, context):
    """The :class:`Source` of a Processing value, or ``None`` where there is none. For the main thread."""
    limits = Limits()
    if isinstance(value, QgsProcessingFeatureSourceDefinition):
        expression = getattr(value, "filterExpression", "")  # since QGIS 3.32
        limits = Limits(value.selectedFeaturesOnly, value.featureLimit, expression)
        value = value.source
    value = plain(value, context)
    if not value:
        return None
    if isinstance(value, str) and limits == Limits():
        named = _file(value)
        if named:
            return named
    layer = vector_layer(value, context)
    if limits == Limits() and _is_its_file(layer):
        named = _file(layer.source())
        if named:
            return named
    return Source(snapshot=Snapshot(layer, limits, context))


def vector_layer(value, context):
    """The vector layer that a value names; raises :class:`SourceError`."""
    if isinstance(value, QgsProcessingFeatureSourceDefinition):
        value = value.source
    value = plain(value, context)
    layer = value
    if isinstance(value, str):
        layer = QgsProcessingUtils.mapLayerFromString(
            value, context, True, QgsProcessingUtils.LayerHint.Vector
        )
    if not isinstance(layer, QgsVectorLayer) or not layer.isValid():
        raise SourceError(tr("{} cannot be opened as a vector layer or table.").format(value))
    return layer


def raster_file(value, context):
    """The file of a raster layer, or ``None`` where there is none. For the main thread."""
    value = plain(value, context)
    if not value:
        return None
    if isinstance(value, str) and Path(value).is_file():
        return str(Path(value).resolve())
    layer = value
    if isinstance(value, str):
        layer = QgsProcessingUtils.mapLayerFromString(
            value, context, True, QgsProcessingUtils.LayerHint.Raster
        )
    if not isinstance(layer, QgsRasterLayer):
        raise SourceError(tr("There is no raster {}.").format(value))
    path = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source()).get("path") or ""
    if layer.providerType() != "gdal" or not Path(path).is_file():
        text = tr("{} is no file of this computer. Save it as a GeoTIFF first (Export ▸ Save As).")
        raise SourceError(text.format(layer.name()))
    return str(Path(path).resolve())


def is_for_the_library(path):
    """Whether a path names a file that not every QGIS can open, and the library can."""
    return Path(path).suffix.lower() in PARQUET and Path(path).is_file()


def plain(value, context):
    """A value without the property that QGIS may wrap around it."""
    if isinstance(value, QgsProperty):
        value, good = value.value(context.expressionContext(), None)
        value = value if good else None
    return value


def _file(uri):
    """The source that a path, or OGR's path with a layer's name, is; ``None`` if it is more than that."""
    parts = QgsProviderRegistry.instance().decodeUri("ogr", uri)
    path = Path(parts.get("path") or "")
    more = [parts.get(name) for name in ("subset", "layerId", "openOptions")]
    if not all(is_null(part) or not part for part in more):
        return None
    if path.suffix.lower() not in READABLE or not path.is_file():
        return None
    name = parts.get("layerName")
    return Source(str(path.resolve()), None if is_null(name) else name)


def _folder(layer):
    """The folder of a layer's file, or ``None``."""
    path = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source()).get("path") or ""
    return Path(path).resolve().parent if path and Path(path).is_file() else None


def _is_its_file(layer):
    """Whether a layer shows what its file holds, no more and no less."""
    if layer.providerType() != "ogr" or layer.subsetString() or layer.isModified():
        return False
    if layer.isSpatial() and layer.crs() != layer.dataProvider().crs():
        return False  # set by the user, for a file that does not say its own, or not rightly
    return layer.fields().names() == layer.dataProvider().fields().names()
