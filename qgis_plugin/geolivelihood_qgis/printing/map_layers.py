"""The layers that a printed map draws, found in the project or added to it, and how they look on it."""

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFillSymbol,
    QgsMapLayerStyle,
    QgsMapLayerType,
    QgsProviderRegistry,
    QgsSingleSymbolRenderer,
    QgsVectorLayer,
)

from ..compat import is_null, tr
from ..layers.arranger import Arranger
from ..layers.results import ResultsError, result_layers

CONTINENT = 60  # degrees; what is wider is a map of the world
PRINTED = ("cells", "regions")


def of_project(project, path):
    """The printed layers by name: those that the project has already, the others are added to it."""
    found = {name: layer for name in PRINTED for layer in _loaded(project, path, name)[:1]}
    described = [layer for layer in result_layers(path) if layer.name in PRINTED and layer.name not in found]
    arranger = Arranger(path, described) if described else None
    for one in described:
        layer = QgsVectorLayer(f"{path}|layername={one.name}", one.title, "ogr")
        if not layer.isValid():
            raise ResultsError(tr("Layer {} of {} cannot be opened.").format(one.name, path))
        found[one.name] = project.addMapLayer(layer)
        arranger.arrange(layer, one, project)
    return found


def source_file(layer):
    """Path and name of the table of a layer of a file; empty texts for any other layer."""
    if layer is None or layer.type() != QgsMapLayerType.VectorLayer or layer.providerType() != "ogr":
        return "", ""
    parts = QgsProviderRegistry.instance().decodeUri("ogr", layer.source())
    return parts.get("path") or "", parts.get("layerName") or ""


def _loaded(project, path, name):
    return [
        layer
        for layer in project.mapLayers().values()
        if source_file(layer) == (str(path), name) and not layer.subsetString()
    ]


def styles(layers, facts):
    """Style overrides of the main map and of the inset; ``None`` for it where there is no interval."""
    outline = facts.styles.get(("regions", "outline")) or _outline(layers.get("regions"))
    shown = {layers["regions"].id(): outline} if "regions" in layers else {}
    cells, name = layers["cells"].id(), facts.indicator
    value = facts.styles.get(("cells", name[:30])) or _current(layers["cells"])
    if not _has_interval(layers["cells"], name):
        return {**shown, cells: value}, None
    names = [f"uncertainty {name}"[:30]] + (["uncertainty"] if name == facts.indicators[0] else [])
    width = next(
        (facts.styles[("cells", style)] for style in names if ("cells", style) in facts.styles), None
    )
    return {**shown, cells: value}, {**shown, cells: width} if width else None


def _has_interval(layer, name):
    """Whether any cell has one: a run that cannot vouch for intervals leaves their columns empty."""
    index = layer.fields().indexOf(f"{name}_lower")
    return index >= 0 and not is_null(layer.maximumValue(index))


def _current(layer):
    style = QgsMapLayerStyle()
    style.readFromLayer(layer)
    return style.xmlData()


def _outline(layer):
    """Outlines of regions whose file brings none."""
    if layer is None:
        return ""
    symbol = QgsFillSymbol.createSimple(
        {"style": "no", "outline_color": "#3b3b3b", "outline_width": "0.26", "outline_width_unit": "MM"}
    )
    drawn = layer.clone()
    drawn.setRenderer(QgsSingleSymbolRenderer(symbol))
    return _current(drawn)


def equal_area(layer):
    """An equal-area CRS for a layer, and the layer's extent in it."""
    wgs84 = QgsCoordinateReferenceSystem("EPSG:4326")
    context, box = layer.transformContext(), layer.extent()
    seen = QgsCoordinateTransform(layer.crs(), wgs84, context).transformBoundingBox(box)
    around = f"+proj=laea +lat_0={seen.center().y():.2f} +lon_0={seen.center().x():.2f}"
    shape = around if max(seen.width(), seen.height()) <= CONTINENT else "+proj=eqearth +lon_0=0"
    crs = QgsCoordinateReferenceSystem.fromProj(f"{shape} +datum=WGS84 +units=m +no_defs")
    extent = QgsCoordinateTransform(layer.crs(), crs, context).transformBoundingBox(box)
    extent.scale(1.06)
    return crs, extent
