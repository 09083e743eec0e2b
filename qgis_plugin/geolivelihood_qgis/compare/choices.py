"""What can be compared: the indicators of the results that are in the project, and how they would look."""

from collections import namedtuple

from qgis.core import QgsMapLayerStyle, QgsRasterLayer
from qgis.PyQt.QtXml import QDomDocument

from ..evidence.book import Book, results_of
from . import symbols
from .classes import VALUES, pretty

Choice = namedtuple("Choice", "path indicator label unit layer")
"""One map: the file, the column, what it is called, its unit, and the layer of the project that shows it."""


def choices(layers):
    """The maps that the layers of a project can show: of cells, or of regions where there are no cells."""
    found = []
    for path, tables in sorted(results_of(layers).items()):
        layer = tables.get("cells") or tables.get("regions")
        if layer is None or isinstance(layer, QgsRasterLayer):
            continue
        book, names = Book(path), layer.fields().names()
        told = [name for name in book.indicators() if name in names]
        told += [name for name in names if f"{name}_lower" in names and not name.endswith("_survey")]
        for name in dict.fromkeys(told):
            label, unit = book.label(name)
            found.append(Choice(path, name, label, unit, layer))
    return found


def styles(chosen):
    """A style for each choice; those of one scale share their classes, so that a colour means the same."""
    made = {}
    for group in _scales(chosen):
        bounds = _bounds(group)
        made.update((id(choice), _style(choice, bounds)) for choice in group)
    return [made[id(choice)] for choice in chosen]


def _scales(chosen):
    """Groups of choices that are on one scale: of one unit, or runs of one indicator."""
    groups = []
    for choice in chosen:
        alike = [group for group in groups if any(_alike(choice, other) for other in group)]
        groups = [group for group in groups if group not in alike]
        groups.append([*(one for group in alike for one in group), choice])
    return groups


def _alike(first, second):
    same_unit = first.unit.lower() == second.unit.lower()
    return same_unit if first.unit and second.unit else first.indicator == second.indicator


def _bounds(group):
    """Classes that hold the values of all; the file answers, so no feature is read here."""
    low, high = [], []
    for choice in group:
        at = choice.layer.fields().indexOf(choice.indicator)
        low.append(choice.layer.minimumValue(at))
        high.append(choice.layer.maximumValue(at))
    numbers = [value for value in low + high if isinstance(value, (int, float))]
    return pretty(min(numbers), max(numbers)) if numbers else []


def _style(choice, bounds):
    """The layer's style as it is now, with another renderer."""
    names, column = choice.layer.fields().names(), '"' + choice.indicator.replace('"', '""') + '"'
    rules, where = [], ""
    if "applicable" in names:
        where = '"applicable"'
        doubtful = f'coalesce(NOT "applicable", true) AND {column} IS NOT NULL'
        rules = [symbols.not_applicable(doubtful)]
    drawn = choice.layer.clone()
    drawn.setRenderer(symbols.renderer([*symbols.classes(column, bounds, VALUES, where=where), *rules]))
    document = QDomDocument()
    drawn.exportNamedStyle(document)
    return QgsMapLayerStyle(document.toString())
