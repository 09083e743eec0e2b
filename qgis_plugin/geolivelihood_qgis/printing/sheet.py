"""The print layout: an A4 page with map, inset, legends, sources, caveats and provenance."""

import base64
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsLayoutItemLabel,
    QgsLayoutItemLegend,
    QgsLayoutItemMap,
    QgsLayoutItemPicture,
    QgsLayoutItemScaleBar,
    QgsLayoutPoint,
    QgsLayoutSize,
    QgsLegendRenderer,
    QgsLegendStyle,
    QgsMapLayerLegendUtils,
    QgsPrintLayout,
    QgsTextFormat,
    QgsUnitTypes,
)
from qgis.PyQt.QtCore import QRectF, Qt
from qgis.PyQt.QtGui import QColor, QFont, QFontMetricsF

from ..compat import set_label_format, sized_font, tr
from ..layers import titles
from . import caveats
from . import facts as told
from .map_layers import equal_area, styles

MM = QgsUnitTypes.LayoutUnit.LayoutMillimeters
ARROW = Path(__file__).parents[1] / "icons" / "north.svg"
VECTOR = QgsLayoutItemPicture.Format.FormatSVG
INK = QColor("#222222")
FAINT = QColor("#666666")
POINT = 25.4 / 72
FINE = 40  # text is measured on 40 pixels a millimetre
SMALLEST = 5
MOST_LINES = 6  # more sources run on in one paragraph
SLOTS = {
    "glqTitle": (10, 7, 277, 9),
    "glqSubtitle": (10, 16, 277, 6),
    "glqMap": (10, 24, 172, 138),
    "glqScaleBar": (10, 164, 120, 11),
    "glqNorth": (171, 164, 11, 11),
    "glqSourcesTitle": (10, 177, 172, 4.5),
    "glqSources": (10, 181.5, 172, 18),
    "glqLegendTitle": (188, 24, 48, 7.5),
    "glqLegend": (188, 31.5, 48, 62),
    "glqInsetTitle": (239, 24, 48, 7.5),
    "glqInset": (239, 32.5, 48, 34),
    "glqInsetLegend": (239, 67, 48, 27),
    "glqCaveatsTitle": (188, 97, 99, 5),
    "glqCaveats": (188, 102.5, 99, 97),
    "glqProvenance": (10, 201, 277, 5),
}
"""Where each item lies on the page in millimetres: left, top, width, height."""


def build(project, layers, facts, *, title="", name=""):
    """Make the layout of a result; the caller gives it to the project."""
    layout = QgsPrintLayout(project)
    layout.initializeDefaults()
    layout.setName(name)
    main, inset = styles(layers, facts)
    shown = [layers[key] for key in ("regions", "cells") if key in layers]
    area = equal_area(layers["cells"])
    main_map = _map(layout, "glqMap", shown, main, area)
    _label(layout, "glqLegendTitle", told.label(facts), size=8, bold=True)
    _legend(layout, "glqLegend", main_map, layers)
    if inset:
        inset_map = _map(layout, "glqInset", shown, inset, area)
        _label(layout, "glqInsetTitle", caveats.interval_title(facts), size=8, bold=True)
        _legend(layout, "glqInsetLegend", inset_map, {"cells": layers["cells"]})
    _scale_bar(layout, main_map)
    _north(layout, main_map)
    _label(layout, "glqTitle", title or told.title(facts), size=17, bold=True)
    _label(layout, "glqSubtitle", told.subtitle(facts), size=9.5, color=FAINT)
    lines = told.sources(facts) or [tr("not stated in the file")]
    _label(layout, "glqSourcesTitle", tr("Sources and licences"), size=8, bold=True)
    _label(layout, "glqSources", ("\n" if len(lines) <= MOST_LINES else "  ·  ").join(lines), size=7)
    _label(layout, "glqCaveatsTitle", tr("Before you use this map"), size=9, bold=True)
    _label(layout, "glqCaveats", "\n\n".join(caveats.paragraphs(facts)), size=9)
    _label(layout, "glqProvenance", told.provenance_line(facts), size=6.5, color=FAINT)
    return layout


def _place(layout, item, name):
    left, top, width, height = SLOTS[name]
    item.setId(name)
    item.attemptResize(QgsLayoutSize(width, height, MM))  # first: a moved map of no size has no extent
    item.attemptMove(QgsLayoutPoint(left, top, MM))
    layout.addLayoutItem(item)
    return item


def _format(size, *, bold=False, color=INK):
    font = QFont(QgsApplication.font())
    font.setBold(bold)
    text = QgsTextFormat()
    text.setFont(font)
    text.setSize(size)
    text.setSizeUnit(QgsUnitTypes.RenderUnit.RenderPoints)
    text.setColor(color)
    return text


def _label(layout, name, text, *, size, bold=False, color=INK):
    """A text that gets smaller until it fits its slot, and is cut where that is not enough."""
    text = text.replace("[%", "[ %")  # what looks like an expression in somebody's title is text
    room = SLOTS[name][2:]
    shape = _fitting(text, room, size, bold=bold, color=color)
    while not _fits(text, shape, room):
        text = text[: int(0.98 * len(text)) - 2].rstrip(" …") + " …"
    item = QgsLayoutItemLabel(layout)
    item.setMode(QgsLayoutItemLabel.Mode.ModeFont)
    item.setMarginX(0)
    item.setMarginY(0)
    item.setText(text)
    item.setHAlign(Qt.AlignmentFlag.AlignLeft)
    item.setVAlign(Qt.AlignmentFlag.AlignTop)
    set_label_format(item, shape)
    return _place(layout, item, name)


def _fitting(text, room, size, *, bold, color):
    """The largest format, from ``size`` points down, in which a text fits its room in millimetres."""
    while True:
        text_format = _format(size, bold=bold, color=color)
        if size <= SMALLEST or _fits(text, text_format, room):
            return text_format
        size -= 0.25


def _fits(text, text_format, room):
    return len(text) < 4 or text_height(text, text_format, room[0]) <= 0.97 * room[1]


def text_height(text, text_format, width):
    """Height in millimetres of a text that wraps at a width in millimetres."""
    font = sized_font(text_format)
    font.setPixelSize(max(1, round(text_format.size() * POINT * FINE)))
    room = QRectF(0, 0, width * FINE, 1e6)
    return QFontMetricsF(font).boundingRect(room, Qt.TextFlag.TextWordWrap, text).height() / FINE


def _map(layout, name, layers, overrides, area):
    crs, extent = area
    item = _place(layout, QgsLayoutItemMap(layout), name)
    item.setCrs(crs)
    item.setLayers(layers)
    item.setKeepLayerSet(True)
    item.setLayerStyleOverrides(overrides)
    item.setKeepLayerStyles(True)
    item.zoomToExtent(extent)
    item.setFrameEnabled(True)
    item.setFrameStrokeColor(QColor("#bbbbbb"))
    return item


def _legend(layout, name, linked, layers):
    """What the colours of a map mean; it gets smaller until it fits its slot."""
    item = QgsLayoutItemLegend(layout)
    item.setLinkedMap(linked)
    item.setAutoUpdateModel(False)
    item.model().setLayerStyleOverrides(linked.layerStyleOverrides())
    root = item.model().rootGroup()
    root.clear()
    for key in ("cells", "regions"):
        if key in layers:
            node = root.addLayer(layers[key])
            if key == "cells":
                QgsLegendRenderer.setNodeLegendStyle(node, QgsLegendStyle.Style.Hidden)
                _translate(node, item.model())
            else:
                QgsMapLayerLegendUtils.setLegendNodeUserLabel(node, 0, tr("Outlines of regions"))
            item.model().refreshLayerLegend(node)
    item.setFontColor(INK)
    item.setBoxSpace(0)
    item.setResizeToContents(True)
    _place(layout, item, name)
    _shrink(item, SLOTS[name])
    return item


def _translate(node, model):
    """Labels of classes, which the library wrote in English, in the user's language."""
    # All are read before one is set: setting one makes the model forget its entries.
    labels = [str(entry.data(Qt.ItemDataRole.DisplayRole)) for entry in model.layerLegendNodes(node)]
    for number, label in enumerate(labels):
        if titles.legend(label) != label:
            QgsMapLayerLegendUtils.setLegendNodeUserLabel(node, number, titles.legend(label))


def _shrink(legend, slot):
    """Smaller fonts and symbols until the legend is no larger than its slot."""
    for size in (8, 7.5, 7, 6.5, 6, 5.5, 5, 4.5, 4):
        for style in (
            QgsLegendStyle.Style.Subgroup,
            QgsLegendStyle.Style.SymbolLabel,
        ):
            legend.setStyleFont(style, sized_font(_format(size)))
        legend.setSymbolHeight(0.45 * size)
        legend.setSymbolWidth(0.8 * size)
        legend.rstyle(QgsLegendStyle.Style.Subgroup).setMargin(QgsLegendStyle.Side.Top, 0)
        for style in (QgsLegendStyle.Style.Symbol, QgsLegendStyle.Style.SymbolLabel):
            legend.rstyle(style).setMargin(QgsLegendStyle.Side.Top, 0.13 * size)
        legend.adjustBoxSize()
        found = legend.rect()
        if found.width() <= slot[2] and found.height() <= slot[3]:
            return


def _scale_bar(layout, linked):
    item = QgsLayoutItemScaleBar(layout)
    item.setStyle("Single Box")
    item.setLinkedMap(linked)
    item.applyDefaultSize(item.guessUnits())
    item.setBoxContentSpace(0)
    item.setTextFormat(_format(8))
    _place(layout, item, "glqScaleBar")
    return item


def _north(layout, linked):
    item = QgsLayoutItemPicture(layout)
    # Embedded: the layout outlives the plugin's folder.
    item.setPicturePath("base64:" + base64.b64encode(ARROW.read_bytes()).decode("ascii"), VECTOR)
    item.setLinkedMap(linked)
    item.setNorthMode(QgsLayoutItemPicture.NorthMode.TrueNorth)
    _place(layout, item, "glqNorth")
    return item
