"""A Processing parameter of each kind that an operation may ask for, and its value as the worker reads it."""

import json
from collections import namedtuple
from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessing,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDateTime,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QDate, QDateTime, Qt

from ..compat import is_null, tr
from ..layers.sources import SourceError, is_for_the_library, plain, raster_file, vector_layer, vector_source
from .worker_algorithm import parse_settings

Given = namedtuple("Given", "algorithm parameters context")
"""What an algorithm was given; asked on the main thread, to which layers belong."""

SHAPES = {
    # Outlines of overhead pictures stand for their middle.
    "points": (QgsProcessing.SourceType.TypeVectorPoint, QgsProcessing.SourceType.TypeVectorPolygon),
    "polygons": (QgsProcessing.SourceType.TypeVectorPolygon,),
    "table": (QgsProcessing.SourceType.TypeVector,),
}


def make(one):
    """The Processing parameter of a described one."""
    return _MAKERS[one.kind](one, one.name.upper(), tr(one.title))


def value(one, given):
    """What the worker gets: a JSON value, for layers a ``Source``, ``None`` where nothing was given.

    Raises :class:`ValueError` with a sentence for the user.
    """
    return _VALUES[one.kind](one, given, one.name.upper())


def numbered(one, chosen):
    """Numbers of choices for QGIS, of a choice given by number, by value or by title."""
    if is_null(chosen) or chosen == "":
        return None
    values, titles = zip(*one.choices)
    if isinstance(chosen, str):
        chosen = chosen.split(",") if one.many and chosen not in values else [chosen]
    found = []
    for item in chosen if isinstance(chosen, (list, tuple)) else [chosen]:
        item = item.strip() if isinstance(item, str) else item
        if isinstance(item, str) and item in values:
            found.append(values.index(item))
        elif isinstance(item, str) and item in titles:
            found.append(titles.index(item))
        elif str(item).isdigit() and int(item) < len(values):
            found.append(int(item))
        else:
            text = tr("There is no {}; choose one of: {}.")
            raise ValueError(text.format(item, ", ".join(map(str, values))))
    return found if one.many else found[0]


def check_layer(one, given):
    """Say what is wrong with a layer, as far as QGIS can tell, else an empty text."""
    raw = _raw(one, given)
    if is_null(raw) or raw == "":
        return ""
    try:
        source = vector_source(raw, given.context)
        layer = vector_layer(raw, given.context)
    except SourceError as error:
        return "" if is_for_the_library(str(raw)) else str(error)
    shapes = QgsWkbTypes.GeometryType
    if one.kind == "points" and layer.geometryType() == shapes.LineGeometry:
        return tr("{}: {} has lines, not points.").format(tr(one.title), layer.name())
    # Without geometry, columns of coordinates may say where; the library looks for them.
    if one.kind == "polygons" and layer.geometryType() in (shapes.LineGeometry, shapes.PointGeometry):
        return tr("{}: {} has no polygons.").format(tr(one.title), layer.name())
    return "" if source else tr("{} is missing.").format(tr(one.title))


def check_fields(one, given):
    """Say which of the fields are not in their layer, else an empty text."""
    names = value(one, given)
    parent = given.parameters.get(one.of.upper())
    if one.name.upper() not in given.parameters:  # a usual name need not be there
        return ""
    if not names or is_null(parent) or parent == "":
        return ""
    try:
        fields = vector_layer(parent, given.context).fields()
    except SourceError:
        return ""
    wrong = [name for name in ([names] if isinstance(names, str) else names) if fields.lookupField(name) < 0]
    if not wrong:
        return ""
    text = tr("{}: there is no field {}. There are: {}.")
    return text.format(tr(one.title), ", ".join(wrong), ", ".join(fields.names()))


def _layer(one, name, title):
    return QgsProcessingParameterFeatureSource(name, title, list(SHAPES[one.kind]), None, one.optional)


def _field(one, name, title):
    data = QgsProcessingParameterField.DataType
    kind = data.Numeric if one.numeric else data.Any
    default = one.default
    return QgsProcessingParameterField(name, title, default, one.of.upper(), kind, one.many, one.optional)


def _raster(one, name, title):
    return QgsProcessingParameterRasterLayer(name, title, None, one.optional)


def _rasters(one, name, title):
    kind = QgsProcessing.SourceType.TypeRaster
    return QgsProcessingParameterMultipleLayers(name, title, kind, None, one.optional)


def _file(one, name, title):
    made = QgsProcessingParameterFile(
        name, title, QgsProcessingParameterFile.Behavior.File, optional=one.optional
    )
    made.setFileFilter(
        f"{tr('Files')} ({one.filter});;{tr('All files')} (*)" if one.filter else tr("All files (*)")
    )
    return made


def _folder(one, name, title):
    behavior = QgsProcessingParameterFile.Behavior.Folder
    return QgsProcessingParameterFile(name, title, behavior, optional=one.optional)


def _number(one, name, title):
    kinds = QgsProcessingParameterNumber.Type
    made = QgsProcessingParameterNumber(
        name, title, kinds.Integer if one.kind == "integer" else kinds.Double, one.default, one.optional
    )
    if one.min is not None:
        made.setMinimum(one.min)
    if one.max is not None:
        made.setMaximum(one.max)
    return made


def _flag(one, name, title):
    return QgsProcessingParameterBoolean(name, title, bool(one.default), one.optional)


def _text(one, name, title):
    default, several = one.default, one.kind != "text"
    if one.kind == "lines" and default:
        default = "\n".join(default)
    if one.kind == "settings" and default:
        default = "\n".join(f"{key} = {_written(item)}" for key, item in default.items())
    return QgsProcessingParameterString(name, title, default or None, several, one.optional)


def _choice(one, name, title):
    titles = [tr(text) for _, text in one.choices]
    return QgsProcessingParameterEnum(name, title, titles, one.many, _default_choice(one), one.optional)


def _extent(one, name, title):
    default = None
    if one.default:
        west, south, east, north = one.default
        default = f"{west},{east},{south},{north} [EPSG:4326]"
    return QgsProcessingParameterExtent(name, title, default, one.optional)


def _date(one, name, title):
    kind = QgsProcessingParameterDateTime.Type.Date
    return QgsProcessingParameterDateTime(name, title, kind, one.default, one.optional)


def _default_choice(one):
    if one.default is None:
        return None
    values = [choice for choice, _ in one.choices]
    return [values.index(item) for item in one.default] if one.many else values.index(one.default)


def _raw(one, given):
    return plain(given.parameters.get(one.name.upper()), given.context)


def _absent(one, given):
    """Whether the user left it empty; one that was not named has its default."""
    name = one.name.upper()
    if name not in given.parameters:
        return one.default is None
    raw = _raw(one, given)
    return one.optional and (is_null(raw) or raw == "" or raw == [])


def _layer_value(one, given, name):
    raw = given.parameters.get(name)
    return None if is_null(raw) or raw == "" else vector_source(raw, given.context)


def _field_value(one, given, name):
    if _absent(one, given):
        return None
    names = given.algorithm.parameterAsFields(given.parameters, name, given.context)
    return (names or None) if one.many else (names[0] if names else None)


def _raster_value(one, given, name):
    return raster_file(given.parameters.get(name), given.context)


def _rasters_value(one, given, name):
    raw = _raw(one, given)
    listed = raw if isinstance(raw, (list, tuple)) else [] if is_null(raw) or raw == "" else [raw]
    return [raster_file(item, given.context) for item in listed] or None


def _file_value(one, given, name):
    named = "" if _absent(one, given) else given.algorithm.parameterAsFile(*_asked(given, name))
    if not named:
        return None
    path = Path(named)
    if one.kind == "file" and not path.is_file():
        raise ValueError(tr("{}: there is no file {}.").format(tr(one.title), path))
    if one.kind == "folder" and not path.is_dir():
        raise ValueError(tr("{}: there is no folder {}.").format(tr(one.title), path))
    return str(path.resolve())


def _number_value(one, given, name):
    if _absent(one, given):
        return None
    read = given.algorithm.parameterAsInt if one.kind == "integer" else given.algorithm.parameterAsDouble
    return read(*_asked(given, name))


def _flag_value(one, given, name):
    return given.algorithm.parameterAsBoolean(*_asked(given, name))


def _text_value(one, given, name):
    text = "" if _absent(one, given) else given.algorithm.parameterAsString(*_asked(given, name))
    if one.kind == "lines":
        return [line.strip() for line in text.splitlines() if line.strip()] or None
    if one.kind == "settings":
        return parse_settings(text) or None
    return text.strip() or None


def _choice_value(one, given, name):
    raw = _raw(one, given) if name in given.parameters else _default_choice(one)
    chosen = numbered(one, raw)
    if chosen is None:
        return None
    values = [choice for choice, _ in one.choices]
    return [values[number] for number in chosen] if one.many else values[chosen]


def _extent_value(one, given, name):
    if _absent(one, given):
        return None
    box = given.algorithm.parameterAsExtent(*_asked(given, name), QgsCoordinateReferenceSystem("EPSG:4326"))
    if box.isNull():
        return None
    return [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]


def _date_value(one, given, name):
    if _absent(one, given):
        return None
    raw = _raw(one, given) if name in given.parameters else one.default
    if isinstance(raw, QDateTime):
        raw = raw.date()
    date = raw if isinstance(raw, QDate) else QDate.fromString(str(raw)[:10], Qt.DateFormat.ISODate)
    if not date.isValid():
        raise ValueError(tr("{}: {} is no date such as 2024-01-31.").format(tr(one.title), raw))
    return date.toString(Qt.DateFormat.ISODate)


def _asked(given, name):
    return given.parameters, name, given.context


def _written(item):
    return item if isinstance(item, str) else json.dumps(item)


_MAKERS = {
    **dict.fromkeys(SHAPES, _layer),
    **dict.fromkeys(("integer", "number"), _number),
    **dict.fromkeys(("text", "lines", "settings"), _text),
    "fields": _field,
    "raster": _raster,
    "rasters": _rasters,
    "file": _file,
    "folder": _folder,
    "flag": _flag,
    "choice": _choice,
    "extent": _extent,
    "date": _date,
}
_VALUES = {
    **dict.fromkeys(SHAPES, _layer_value),
    **dict.fromkeys(("file", "folder"), _file_value),
    **dict.fromkeys(("integer", "number"), _number_value),
    **dict.fromkeys(("text", "lines", "settings"), _text_value),
    "fields": _field_value,
    "raster": _raster_value,
    "rasters": _rasters_value,
    "flag": _flag_value,
    "choice": _choice_value,
    "extent": _extent_value,
    "date": _date_value,
}
