"""Maps of evidence that lie as rasters beside a results GeoPackage."""

import contextlib
import sqlite3
from pathlib import Path

from ..compat import tr
from .results import ResultLayer, read_provenance

COVERING = ("explanations_rasters", "explanations_regions", "explanations_zonal")
"""Layers that would cover the mosaics: pictures, hot regions, sums per area."""


def mosaics(path, layers, new=()):
    """Mosaics of a results file: pairs of a raster's path and its :class:`ResultLayer`.

    ``layers`` are those of the file, among which the mosaics find their group, at its end; ``new`` are the
    paths of rasters that are to be seen at once. Rasters that are no longer there are left out.
    """
    with contextlib.closing(sqlite3.connect(Path(path).resolve().as_uri() + "?mode=ro", uri=True)) as base:
        entries = read_provenance(base).get("explanations") or ()
    group, order = _place(layers)
    shown = {Path(file).resolve() for file in new}
    found = {}
    for entry in entries:
        for name in entry.get("files") or ():
            file = (Path(path).parent / name).resolve()
            if file.name.startswith("mosaic_") and file.suffix == ".tif" and file.is_file():
                found[file] = ResultLayer(file.stem, _title(entry), group, order, file in shown)
    return [(str(file), described) for file, described in found.items()]


def below_mosaics(layers):
    """The layers, with those that would cover mosaics switched off."""
    return [layer._replace(visible=layer.visible and layer.name not in COVERING) for layer in layers]


def _place(layers):
    """Group of the layers of explanations, and the place behind the last of them."""
    ours = [layer for layer in layers if layer.name == "explanations_rasters"] or [
        layer for layer in layers if layer.name.startswith("explanations")
    ]
    group = ours[0].group if ours else ""
    last = max((layer.order for layer in layers if layer.group == group), default=0)
    return group or tr("Evidence"), last + 0.5


def _title(entry):
    words = [str(entry.get(name) or "").replace("_", " ") for name in ("method", "model", "source")]
    return tr("Evidence for {}: {}").format(entry.get("target") or "", ", ".join(filter(None, words)))
