"""What the assistant has gathered, for an algorithm, for people and for a shell."""

import json
import os
import shlex

from qgis.core import QgsMapLayer, QgsProcessingParameterEnum, QgsProject

from ... import wording
from ...compat import tr
from ...env.unfinished import portable

ALGORITHM = "geolivelihood:clusters_to_map"


def fitted(values, algorithm, description=None):
    """Values as the algorithm takes them: entries of its lists by number where it counts them.

    What the algorithm does not know, and what was left empty, is left out.
    """
    definitions = {one.name(): one for one in algorithm.parameterDefinitions()}
    choices = {
        one.name.upper(): [value for value, _ in one.choices]
        for one in (description.parameters if description else ())
    }
    found = {}
    for name, value in values.items():
        definition = definitions.get(name)
        if definition is None or value is None:
            continue
        if isinstance(definition, QgsProcessingParameterEnum) and not definition.usesStaticStrings():
            value = _numbers(value, choices.get(name) or definition.options())
        found[name] = value
    return found


def shell_command(parameters):
    """The command that runs the same without a window."""
    arguments = ["qgis_process", "run", ALGORITHM]
    for name, value in (portable(parameters) or {}).items():
        for item in value if isinstance(value, list) else [value]:
            arguments.append(f"--{name}={_text(item)}")
    if os.name == "nt":
        return " ".join(f'"{argument}"' if " " in argument else argument for argument in arguments)
    return shlex.join(arguments)


def summary(values, said):
    """One line for each value, in the words that were ``said`` of it where there are some."""
    lines = []
    for name, value in values.items():
        if value in (None, "", []):
            continue
        title = titles().get(name, name)
        lines.append(wording.said(title, said.get(name) or _told(value)))
    return "\n".join(lines)


def titles():
    """What a parameter is called."""
    return {
        "CLUSTERS": tr("Survey clusters"),
        "CLUSTER_ID": tr("Number of a cluster"),
        "DISPLACED": tr("Displaced"),
        "URBAN": tr("Urban or rural"),
        "PICTURES": tr("Pictures"),
        "PHOTOS": tr("Photos"),
        "PHOTO_FILE": tr("File of a photo"),
        "PHOTOS_FOLDER": tr("Folder of photos"),
        "TILES": tr("Folder of tiles"),
        "RASTERS": tr("Rasters"),
        "RASTER_CRS": tr("Coordinates of the rasters"),
        "WINDOW_M": tr("Width around a place (m)"),
        "INDICATORS": tr("Indicators"),
        "LABEL": tr("Name on the map"),
        "ENCODER": tr("Reading of pictures"),
        "MODELS": tr("Models"),
        "MAP_MODEL": tr("Model of the map"),
        "FOLDS": tr("Parts"),
        "SPLITS": tr("Left out"),
        "BUFFER_M": tr("Distance to what is left out (m)"),
        "COVERAGE": tr("Intervals hold"),
        "RESOLUTION": tr("H3 resolution"),
        "REGIONS": tr("Regions"),
        "REGION_NAME": tr("Name of a region"),
        "EXPLANATIONS": tr("Explanations"),
        "TITLE": tr("Title"),
        "SEED": tr("Seed"),
        "OUTPUT": tr("Results"),
    }


def _told(value):
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if isinstance(value, float):
        return wording.number(value, "g")
    if isinstance(value, list):
        return ", ".join(map(_told, value))
    layer = QgsProject.instance().mapLayer(value) if isinstance(value, str) else None
    return layer.name() if isinstance(layer, QgsMapLayer) else str(value)


def _numbers(value, listed):
    items = value if isinstance(value, list) else [value]
    if not all(item in listed for item in items):
        return value  # the algorithm says what is wrong with it
    numbers = [listed.index(item) for item in items]
    return numbers if isinstance(value, list) else numbers[0]


def _text(value):
    return json.dumps(value) if isinstance(value, (bool, int, float)) else str(value)
