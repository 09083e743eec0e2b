"""Maps of evidence that lie as rasters beside a results GeoPackage."""

import contextlib
import sqlite3
from pathlib import Path

from ..compat import tr
from ..words import model_name
from .results import ResultLayer, open_read_only, read_provenance

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


def stored_mosaics(path, layers):
    """Mosaics that a results file lists, below all its layers in a group of their own; and how many are gone.

    Only the first is to be seen at once. A file without any, or that lists none, has an empty list.
    """
    with contextlib.closing(open_read_only(path)) as base:
        listed = {}
        for entry in read_provenance(base).get("explanations") or ():
            listed.update((name, _title(entry)) for name in entry.get("files") or ())
        for name, target, method, model in _rows(base):
            listed.setdefault(name, _title({"target": target, "method": method, "model": model}))
    order = max((layer.order for layer in layers), default=0) + 1
    found, missing = {}, set()
    for name, title in listed.items():
        file = (Path(path).parent / name).resolve()
        if not (file.name.startswith("mosaic") and file.suffix == ".tif"):
            continue
        if file.is_file():
            place = order + len(found) / 1000  # layers of one order come as they like
            found.setdefault(file, ResultLayer(file.stem, title, tr("Maps of evidence"), place, not found))
        else:
            missing.add(file)
    return [(str(file), described) for file, described in found.items()], len(missing)


def _rows(base):
    """What the layer of rasters says of each file; nothing where it lacks a column."""
    query = "SELECT DISTINCT path, target, method, model FROM explanations_rasters ORDER BY 1"
    try:
        return [row for row in base.execute(query) if row[0]]
    except sqlite3.OperationalError:
        return []


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
    method, source = (str(entry.get(name) or "").replace("_", " ") for name in ("method", "source"))
    words = [method, model_name(entry.get("model") or ""), source]
    return tr("Evidence for {}: {}").format(entry.get("target") or "", ", ".join(filter(None, words)))
