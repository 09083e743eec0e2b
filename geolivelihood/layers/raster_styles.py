"""The look of an explanation's raster: a QGIS style (QML) of the same name beside it.

QGIS 3.22 ignores raster styles inside a GeoPackage and takes the one that lies beside the file. The scale is
symmetric and the same for a whole run, so that rasters of different tiles compare: blue lowered the target,
red raised it, and what is nearly white did neither.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from geolivelihood.files import atomic
from geolivelihood.layers import qml
from geolivelihood.layers.breaks import number_text
from geolivelihood.layers.palettes import LOWERS, NEITHER, RAISES, rgb

__all__ = ["explanation_qml", "write_raster_style"]

_OPACITY = 0.75  # the picture below still shows


def explanation_qml(limit: float, *, unit: str = "") -> str:
    """QGIS style of a raster of signed values in its first band.

    Parameters
    ----------
    limit
        Value at which the colours end, in the raster's unit (its tag ``limit``); values beyond it keep the
        last colour. Where it is not a positive number (a map of zeros) the colours end at 1.
    unit
        Written behind the ends of the scale, such as ``"log-odds per pixel"``.

    Returns
    -------
    str
        A QML file; loads in QGIS 3.22 and later.
    """
    reach = float(limit) if math.isfinite(limit) and limit > 0 else 1.0
    root = Element("qgis", version="3.22.0", styleCategories="Symbology|Rendering")
    pipe = SubElement(root, "pipe")
    smooth = {"zoomedInResamplingMethod": "bilinear", "zoomedOutResamplingMethod": "bilinear"}
    SubElement(SubElement(pipe, "provider"), "resampling", smooth, enabled="false", maxOversampling="2")
    pipe.append(_renderer(reach, unit))
    SubElement(pipe, "brightnesscontrast", brightness="0", contrast="0", gamma="1")
    SubElement(
        pipe,
        "rasterresampler",
        maxOversampling="2",
        zoomedInResampler="bilinear",
        zoomedOutResampler="bilinear",
    )
    SubElement(pipe, "resamplingStage").text = "resamplingFilter"
    SubElement(root, "blendMode").text = "0"
    return qml.text(root)


def write_raster_style(raster: str | os.PathLike[str], limit: float, *, unit: str = "") -> Path:
    """Write the style beside a raster, as ``<name>.qml``, where QGIS finds it.

    Parameters
    ----------
    raster
        The raster's path.
    limit, unit
        As in :func:`explanation_qml`.

    Returns
    -------
    pathlib.Path
        The style's path.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    target = Path(raster).with_suffix(".qml")
    with atomic(target) as part:
        part.write_text(explanation_qml(limit, unit=unit), encoding="utf-8")
    return target


def _renderer(reach: float, unit: str) -> Element:
    """Pseudocolour from ``-reach`` to ``reach``; nodata stays transparent by itself."""
    ends = {"classificationMin": repr(-reach), "classificationMax": repr(reach)}
    renderer = Element(
        "rasterrenderer",
        ends,
        type="singlebandpseudocolor",
        band="1",
        opacity=f"{_OPACITY:g}",
        alphaBand="-1",
        nodataColor="",
    )
    SubElement(renderer, "rasterTransparency")
    origin = SubElement(renderer, "minMaxOrigin")  # "None": QGIS must not stretch each raster by itself
    SubElement(origin, "limits").text = "None"
    SubElement(origin, "extent").text = "WholeRaster"
    SubElement(origin, "statAccuracy").text = "Estimated"
    shader = SubElement(
        SubElement(renderer, "rastershader"),
        "colorrampshader",
        colorRampType="INTERPOLATED",
        classificationMode="1",
        clip="0",
        minimumValue=repr(-reach),
        maximumValue=repr(reach),
        labelPrecision="4",
    )
    shader.append(_ramp())
    for value, color in ((-reach, LOWERS), (0.0, NEITHER), (reach, RAISES)):
        words = " ".join(part for part in (number_text(value), unit if value else "") if part)
        SubElement(shader, "item", value=repr(value), label=qml.clean(words), color=color, alpha="255")
    return renderer


def _ramp() -> Element:
    """The same colours as a ramp, which QGIS keeps when somebody changes the limits by hand."""
    ramp = Element("colorramp", name="[source]", type="gradient")
    options = {
        "color1": _opaque(LOWERS),
        "color2": _opaque(RAISES),
        "discrete": "0",
        "rampType": "gradient",
        "stops": f"0.5;{_opaque(NEITHER)}",
    }
    holder = SubElement(ramp, "Option", type="Map")
    for name, value in options.items():
        SubElement(holder, "Option", name=name, type="QString", value=value)
    return ramp


def _opaque(color: str) -> str:
    return ",".join(map(str, (*rgb(color), 255)))
