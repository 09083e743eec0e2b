"""Symbols and renderers of cells that are coloured by class, with the rest hatched."""

from qgis.core import QgsFillSymbol, QgsRuleBasedRenderer, QgsSimpleFillSymbolLayer

from ..compat import tr
from .classes import colours, labels

HATCH = {"color": "#9a9a9a", "style": "b_diagonal", "outline_style": "no"}
GROUND = "#ececec"


def fill(color):
    """A polygon with an outline in its own colour: neighbours leave no white seam."""
    look = {"color": color, "style": "solid", "outline_color": color, "outline_style": "solid"}
    look |= {"outline_width": "1.5", "outline_width_unit": "Pixel", "joinstyle": "bevel"}
    return QgsFillSymbol.createSimple(look)


def hatched():
    """What must not be read as a value."""
    symbol = fill(GROUND)
    symbol.appendSymbolLayer(QgsSimpleFillSymbolLayer.create(HATCH))
    return symbol


def classes(expression, bounds, ramp, *, where=""):
    """Rules that colour an expression by class: triples of condition, label and symbol."""
    made = []
    for number, (label, color) in enumerate(zip(labels(bounds), colours(ramp, len(bounds) - 1))):
        low, high = repr(float(bounds[number])), repr(float(bounds[number + 1]))
        sign = ">" if number else ">="
        test = f"{expression} {sign} {low} AND {expression} <= {high}"
        made.append((f"{where} AND {test}" if where else test, label, fill(color)))
    return made


def renderer(rules):
    """A renderer of such triples, in their order."""
    root = QgsRuleBasedRenderer.Rule(None)
    for condition, label, symbol in rules:
        root.appendChild(QgsRuleBasedRenderer.Rule(symbol, 0, 0, condition, label))
    return QgsRuleBasedRenderer(root)


def not_applicable(condition):
    """The rule of what a model must not be trusted for."""
    return condition, tr("Not applicable"), hatched()
