"""A plugin started in an invented QGIS window."""

import time

import pytest

LONG_S = 120


@pytest.fixture
def plugin(qgis_iface, qgis_processing, qgis_new_project, monkeypatch, tmp_path):
    """The plugin, loaded; unloaded afterwards. No worker is set."""
    from geolivelihood_qgis import classFactory
    from geolivelihood_qgis.env import settings
    from qgis.core import QgsApplication, QgsProject, QgsSettings

    monkeypatch.delenv("GEOLIVELIHOOD_PYTHON", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    QgsSettings().remove(settings.PREFIX.rstrip("/"))
    plugin = classFactory(qgis_iface)
    plugin.initGui()
    yield plugin
    plugin.unload()
    QgsProject.instance().clear()
    QgsApplication.processEvents()


@pytest.fixture
def wait_for(qgis_app):
    """Let QGIS work until a condition holds."""

    def wait_for(condition, seconds=LONG_S):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited too long"
            qgis_app.processEvents()
            time.sleep(0.01)

    return wait_for


@pytest.fixture
def tree():
    """The layer tree as nested lists of names; a group is a pair of its name and its list."""
    from qgis.core import QgsProject

    def read(group):
        return [
            (node.name(), read(node)) if hasattr(node, "findGroup") else node.name()
            for node in group.children()
        ]

    return lambda: read(QgsProject.instance().layerTreeRoot())


@pytest.fixture
def opened(qgis_new_project):
    """Open a layer of a file, owned by the project: what is owned by Python could outlive QGIS."""
    from qgis.core import QgsProject, QgsVectorLayer

    def opened(path, name):
        return QgsProject.instance().addMapLayer(QgsVectorLayer(f"{path}|layername={name}", name, "ogr"))

    return opened
