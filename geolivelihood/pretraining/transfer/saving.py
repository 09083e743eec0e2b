"""Trained detectors and segmenters as folders: tensors in safetensors, everything else in a JSON card."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from geolivelihood import __version__
from geolivelihood.errors import InputError, MissingCRSError, OutputError
from geolivelihood.files import atomic, file_hash
from geolivelihood.models.cards import read_card
from geolivelihood.pretraining.transfer.detection import Detector
from geolivelihood.pretraining.transfer.segmentation import Segmenter

__all__ = ["load", "save"]

_FORMAT = 1
_TENSORS, _CARD = "model.safetensors", "card.json"
_CLASSES = {"Detector": Detector, "Segmenter": Segmenter}
_LIBRARIES = ("torch", "torchvision", "lightning", "rasterio")


def save(
    model: Detector | Segmenter,
    path: str | os.PathLike[str],
    *,
    extent: gpd.GeoDataFrame | gpd.GeoSeries | None = None,
    metrics: Sequence[Mapping[str, Any]] | None = None,
) -> Path:
    """Save a trained detector or segmenter as ``model.safetensors`` and ``card.json``, whole or not at all.

    Parameters
    ----------
    model
        A fitted :class:`Detector` or :class:`Segmenter`.
    path
        Folder to write; a model already there is replaced.
    extent
        Where it was trained, such as the images; the convex hull goes to the card.
    metrics
        Scores, each with the split it was measured under.

    Raises
    ------
    InputError
        If the model is not fitted, or the metrics are no JSON.
    MissingCRSError
        If ``extent`` has no CRS.
    OutputError
        If the folder holds something else or cannot be written.
    """
    folder = Path(path)
    if folder.exists() and not (folder / _CARD).is_file() and (folder.is_file() or any(folder.iterdir())):
        msg = f"{folder} exists and holds no model. Name a new folder, so that nothing of yours is replaced."
        raise OutputError(msg)
    if not hasattr(model, "network_"):
        msg = f"This {type(model).__name__} is not fitted. Call fit first, then save."
        raise InputError(msg)
    tensors, state = model._state()
    card = {
        "format": _FORMAT,
        "model": type(model).__name__,
        "parameters": _plain(
            model.get_params(deep=False)
            | {"backbone": model.backbone_["architecture"], "weights": "random", "root": None}
        ),
        "state": state,
        "extent": _hull(extent),
        "metrics": [dict(record) for record in metrics or ()],
        "versions": {"geolivelihood": __version__} | {name: version(name) for name in _LIBRARIES},
    }
    with atomic(folder) as part:
        part.mkdir()
        save_file(tensors, part / _TENSORS)
        card["tensors"] = {"sha256": file_hash(part / _TENSORS)}
        (part / _CARD).write_text(_json(card), encoding="utf-8")
    return folder


def load(path: str | os.PathLike[str]) -> Detector | Segmenter:
    """Load what :func:`save` wrote; it finds and maps as it did.

    Raises
    ------
    InputError
        If a file is missing or damaged, the tensors do not belong to the card, or it is no such model.
    """
    folder = Path(path)
    card = read_card(folder)
    if card["model"] not in _CLASSES:
        msg = f"{folder / _CARD} names the model {card['model']!r}. Known here are {', '.join(_CLASSES)}."
        raise InputError(msg)
    file = folder / _TENSORS
    try:
        if file_hash(file) != card["tensors"].get("sha256"):
            msg = f"{file} is not the file that {_CARD} describes (another hash): damaged, or mixed up."
            raise InputError(msg)
        tensors = load_file(file)
        model = _CLASSES[card["model"]](**card["parameters"])
        model._restore(tensors, card["state"])
    except OSError as error:
        msg = f"{file} is missing or unreadable: {error.strerror}."
        raise InputError(msg) from error
    except (SafetensorError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        msg = f"{folder} does not hold a usable {card['model']}: {type(error).__name__}: {error}"
        raise InputError(msg) from error
    return model


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in parameters.items()}


def _hull(extent: gpd.GeoDataFrame | gpd.GeoSeries | None) -> Any:
    if extent is None:
        return None
    if extent.crs is None:
        msg = 'extent has no CRS. Set it with extent.set_crs("EPSG:4326") if it is longitude/latitude.'
        raise MissingCRSError(msg)
    return json.loads(shapely.to_geojson(extent.geometry.to_crs("EPSG:4326").union_all().convex_hull))


def _json(card: Mapping[str, Any]) -> str:
    try:
        return json.dumps(card, indent=1, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        msg = f"The card cannot be written as JSON: {error}. Give plain numbers, strings, lists, mappings."
        raise InputError(msg) from error
