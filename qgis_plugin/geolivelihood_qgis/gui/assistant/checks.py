"""What can be told about a layer before anything is computed with it."""

from collections import namedtuple

from qgis.core import QgsFeatureRequest, QgsRectangle

from ...compat import tr

Notice = namedtuple("Notice", "stops text")
"""What the user should know; ``stops`` when the assistant cannot go on with it."""

ENOUGH = 30
"""Clusters below which scores are mostly chance."""


def points(layer):
    """Notices about a layer of clusters."""
    if layer is None:
        return [Notice(True, tr("Choose the layer of survey clusters."))]
    found = crs(layer)
    count = layer.featureCount()
    if count == 0:
        found.append(Notice(True, tr("{} has no features. Choose another layer.").format(layer.name())))
    elif 0 < count < ENOUGH:
        text = tr(
            "There are only {} clusters, fewer than {}. The map can be made, but scores then depend much on "
            "chance and intervals are wide."
        )
        found.append(Notice(False, text.format(count, ENOUGH)))
    if count and has_point_at_origin(layer):
        text = tr(
            "Some points lie at (0, 0). In DHS files this means that the position is unknown: these clusters "
            "are set aside and listed in rejected.csv."
        )
        found.append(Notice(False, text))
    if not numeric_fields(layer):
        text = tr(
            "{} has no column of numbers, so that there is nothing to map. Choose a layer with the indicator."
        )
        found.append(Notice(True, text.format(layer.name())))
    return found


def crs(layer):
    """Notices about where a layer lies."""
    if not layer.crs().isValid():
        text = tr(
            "{} does not say in which coordinate reference system its coordinates are. Set it first (right "
            "click the layer ▸ Layer CRS ▸ Set Layer CRS); EPSG:4326 for longitude and latitude."
        )
        return [Notice(True, text.format(layer.name()))]
    if not layer.crs().isGeographic():
        text = tr(
            "{} is projected ({}). Its coordinates are turned into longitude and latitude on the way; "
            "nothing needs to be done if the layer lies in the right place on the map."
        )
        return [Notice(False, text.format(layer.name(), layer.crs().authid() or tr("no code")))]
    return []


def has_point_at_origin(layer):
    """Whether a feature has both coordinates 0; asks for one feature only."""
    near = QgsRectangle(-1e-9, -1e-9, 1e-9, 1e-9)
    request = QgsFeatureRequest().setFilterRect(near).setLimit(1).setSubsetOfAttributes([])
    return any(True for _ in layer.getFeatures(request))


def numeric_fields(layer):
    """Names of the columns of numbers."""
    return [] if layer is None else [field.name() for field in layer.fields() if field.isNumeric()]
