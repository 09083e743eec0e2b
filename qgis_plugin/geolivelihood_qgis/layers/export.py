"""Write layers to a GeoPackage with their styles, or to GeoJSON (RFC 7946) or GeoParquet files."""

import contextlib
import json
import os
import re
from collections import namedtuple
from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsMapLayer,
    QgsProviderRegistry,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.PyQt.QtXml import QDomDocument

from ..compat import tr
from .results import copy_provenance, open_read_only, read_provenance

FORMATS = (".gpkg", ".geojson", ".json")
PARQUET = ".parquet"

Target = namedtuple("Target", "layer name path")


class ExportError(Exception):
    """A layer that cannot be written, and why."""


def formats():
    """The endings that can be written here: GeoParquet where GDAL has its driver."""
    drivers = [driver.driverName for driver in QgsVectorFileWriter.ogrDriverList()]
    return (*FORMATS, PARQUET) if "Parquet" in drivers else FORMATS


def file_filter():
    """The filter of a file dialog."""
    text = tr("GeoPackage (*.gpkg);;GeoJSON (*.geojson)")
    return f"{text};;{tr('GeoParquet (*.parquet)')}" if PARQUET in formats() else text


def plan(layers, path):
    """Which layer goes where: one GeoPackage, or one file of another format per layer (``<stem>_<layer>``).

    Raises :class:`ExportError` when the format is unknown or a file exists; nothing is ever overwritten.
    """
    path = Path(path)
    if not layers:
        raise ExportError(tr("There is no layer to export."))
    if path.suffix.lower() == PARQUET not in formats():
        raise ExportError(tr("This QGIS cannot write GeoParquet: choose a name that ends in .gpkg."))
    if path.suffix.lower() not in formats():
        told = ", ".join(ending for ending in formats() if ending != ".json")
        raise ExportError(tr("{}: choose a name that ends in one of: {}.").format(path, told))
    names = _names(layers)
    if path.suffix.lower() == ".gpkg" or len(layers) == 1:
        targets = [Target(layer, name, path) for layer, name in zip(layers, names)]
    else:
        targets = [
            Target(layer, name, path.with_name(f"{path.stem}_{name}{path.suffix}"))
            for layer, name in zip(layers, names)
        ]
    for target in targets:
        if os.path.lexists(target.path):
            raise ExportError(
                tr("{} exists and is never overwritten. Choose a new name.").format(target.path)
            )
    return targets


def write(targets, transform_context, feedback, *, only_selected=False):
    """Write what :func:`plan` laid out: whole files or none. Styles and provenance go along."""
    parts = {
        target.path: target.path.with_name(f"{target.path.stem}.part{target.path.suffix}")
        for target in targets
    }
    try:
        for number, target in enumerate(targets):
            if feedback.isCanceled():
                raise ExportError(tr("Cancelled."))
            feedback.setProgressText(target.layer.name())
            _write_layer(target, parts[target.path], transform_context, feedback, only_selected)
            feedback.setProgress(100 * (number + 1) / len(targets))
        _keep_provenance(targets, parts)
        for path, part in parts.items():
            part.replace(path)
        _write_beside(targets)
    finally:
        for part in parts.values():
            for end in ("", "-wal", "-shm", "-journal"):
                part.with_name(part.name + end).unlink(missing_ok=True)
    return list(parts)


def table_name(layer):
    """Name of the layer inside its file, or an empty text."""
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    return parts.get("layerName") or ""


def _names(layers):
    names = []
    for layer in layers:
        name = stem = re.sub(r"\W+", "_", table_name(layer) or layer.name()).strip("_") or "layer"
        number = 2
        while name.lower() in [taken.lower() for taken in names]:
            name = f"{stem}_{number}"
            number += 1
        names.append(name)
    return names


def _write_layer(target, part, transform_context, feedback, only_selected):
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.feedback = feedback
    options.onlySelectedFeatures = only_selected
    if part.suffix.lower() == ".gpkg":
        options.driverName = "GPKG"
        options.layerName = target.name
        options.datasourceOptions = ["VERSION=1.2"]  # a newer one draws a warning in QGIS 3.22
        options.saveMetadata = True
        options.layerMetadata = target.layer.metadata()
        if part.exists():
            options.actionOnExistingFile = QgsVectorFileWriter.ActionOnExistingFile.CreateOrOverwriteLayer
    elif part.suffix.lower() == PARQUET:
        options.driverName = "Parquet"
    else:
        options.driverName = "GeoJSON"
        options.layerOptions = ["RFC7946=YES"]
        wgs84 = QgsCoordinateReferenceSystem("EPSG:4326")
        options.ct = QgsCoordinateTransform(target.layer.crs(), wgs84, transform_context)
    error, text, *_ = QgsVectorFileWriter.writeAsVectorFormatV3(
        target.layer, str(part), transform_context, options
    )
    if error != QgsVectorFileWriter.WriterError.NoError:
        raise ExportError(tr("{} was not written: {}").format(target.layer.name(), text))
    if options.driverName == "GPKG":
        _keep_styles(target.layer, QgsVectorLayer(f"{part}|layername={target.name}", target.name, "ogr"))


def _keep_styles(source, written):
    """Store the style that is seen as the default, then the further styles that the source's file holds."""
    document, categories = QDomDocument(), QgsMapLayer.StyleCategory.AllStyleCategories
    source.exportNamedStyle(document)
    styles = [(source.styleManager().currentStyle(), document)]
    if source.providerType() == "ogr":
        styles += _stored_styles(source)
    taken = set()
    for name, style in styles:
        name = _style_name(name, source)
        if name not in taken:
            written.importNamedStyle(style, categories)
            written.saveStyleToDatabase(name, "", not taken, "")
        taken.add(name)


def _style_name(name, source):
    return (name if name not in ("", "default") else source.name())[:30]


def _stored_styles(layer):
    count, ids, names, *_ = layer.listStylesInDatabase()
    found = []
    for number in range(max(count, 0)):
        text, *_ = layer.getStyleFromDatabase(ids[number])
        document = QDomDocument()
        document.setContent(text)
        if not document.isNull():
            found.append((names[number], document))
    return found


def _keep_provenance(targets, parts):
    """Layers that all come from one results file take its provenance along."""
    source = _one_source(targets)
    if source and targets[0].path.suffix.lower() == ".gpkg":
        copy_provenance(source, parts[targets[0].path])


def _one_source(targets):
    """The GeoPackage that all layers come from, if it is one."""
    registry = QgsProviderRegistry.instance()
    sources = {
        registry.decodeUri(target.layer.providerType(), target.layer.source()).get("path")
        for target in targets
    }
    source = sources.pop() if len(sources) == 1 else None
    return source if source and source.lower().endswith(".gpkg") else None


def _write_beside(targets):
    """Formats that hold no style get it as files beside them, which QGIS finds: ``.qml`` and ``.qmd``."""
    plain = [target for target in targets if target.path.suffix.lower() != ".gpkg"]
    source = _one_source(targets)
    told = {}
    if plain and source:
        with contextlib.closing(open_read_only(source)) as base:
            told = read_provenance(base)
    for target in plain:
        for ending, save in ((".qml", "saveNamedStyle"), (".qmd", "saveNamedMetadata")):
            file = target.path.with_suffix(ending)
            if not os.path.lexists(file):
                getattr(target.layer, save)(str(file))
        file = target.path.with_suffix(".provenance.json")
        if told and not os.path.lexists(file):
            file.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")
