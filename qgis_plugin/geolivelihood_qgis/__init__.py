"""Geolivelihood in QGIS: livelihood maps with honest scores.

Opening, styling and exporting results needs QGIS alone. Computing runs in a worker process of a Python that
has the library ``geolivelihood``; nothing of it is imported here.
"""


def classFactory(iface):
    """Make the plugin; ``iface`` is ``None`` in ``qgis_process``."""
    from .plugin import GeolivelihoodPlugin

    return GeolivelihoodPlugin(iface)
