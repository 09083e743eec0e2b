"""Saved models: tensors in safetensors, everything else in a JSON card that people can read.

A model is a folder with ``model.safetensors`` and ``card.json``. Loading builds one of our own classes by its
name in a fixed list and fills it with arrays; nothing in the folder is executed.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError

from geolivelihood import __version__
from geolivelihood.errors import InputError, MissingCRSError, OutputError
from geolivelihood.files import atomic, file_hash
from geolivelihood.models.baselines import GeodesicKNN, InverseDistance, MajorityClassifier, MeanRegressor
from geolivelihood.models.boosting import BoostingClassifier, BoostingRegressor
from geolivelihood.models.cell import CellRegressor
from geolivelihood.models.cross_fitting import CrossFitted
from geolivelihood.models.gaussian_process import GaussianProcess
from geolivelihood.models.graph import GraphClassifier, GraphRegressor
from geolivelihood.models.image import ImageClassifier, ImageRegressor
from geolivelihood.models.ridge import RidgeRegressor

__all__ = ["load", "read_card", "save"]

_FORMAT = 1
_TENSORS, _CARD = "model.safetensors", "card.json"
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "torchvision", "torch-geometric", "lightning", "h3")
_CLASSES: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        BoostingClassifier,
        BoostingRegressor,
        CellRegressor,
        CrossFitted,
        GaussianProcess,
        GeodesicKNN,
        GraphClassifier,
        GraphRegressor,
        ImageClassifier,
        ImageRegressor,
        InverseDistance,
        MajorityClassifier,
        MeanRegressor,
        RidgeRegressor,
    )
}


def save(
    model: BaseEstimator,
    path: str | os.PathLike[str],
    *,
    extent: gpd.GeoDataFrame | gpd.GeoSeries | Mapping[str, Any] | None = None,
    metrics: Sequence[Mapping[str, Any]] | None = None,
    data_hashes: Mapping[str, str] | None = None,
    card_extra: Mapping[str, Any] | None = None,
) -> Path:
    """Save a fitted model as a folder with ``model.safetensors`` and ``card.json``, whole or not at all.

    Parameters
    ----------
    model
        A fitted estimator of this package.
    path
        Folder to write; a model already there is replaced.
    extent
        Where the model was trained: places with a CRS (their convex hull is stored), or a GeoJSON geometry.
    metrics
        Scores, each with the split it was measured under.
    data_hashes
        Hash of each input by name.
    card_extra
        Further entries of the card; they may not take the names above.

    Raises
    ------
    InputError
        If the model is no class of ours or not fitted, or the card cannot be written as JSON.
    MissingCRSError
        If ``extent`` has no CRS.
    OutputError
        If the folder cannot be written.
    """
    arrays, described = _described(model)
    card = {
        "format": _FORMAT,
        **described,
        "history": _history(model),
        "extent": _geojson(extent),
        "metrics": [dict(record) for record in metrics or ()],
        "data_hashes": dict(data_hashes or {}),
        "versions": _versions(),
    }
    taken = sorted(set(card) & set(card_extra or {}))
    if taken:
        msg = f"card_extra may not contain {', '.join(taken)}: the card has these entries already."
        raise InputError(msg)
    _write(Path(path), arrays, card | dict(card_extra or {}))
    return Path(path)


def load(path: str | os.PathLike[str]) -> Any:
    """Load a model that :func:`save` wrote; it predicts as it did.

    Raises
    ------
    InputError
        If a file is missing or damaged, the tensors do not belong to the card, or the card names a class or
        parameter that is not ours.
    """
    folder = Path(path)
    card = read_card(folder)
    arrays = _tensors(folder, card)
    if card["model"] not in _CLASSES:
        msg = f"{folder / _CARD} names the model {card['model']!r}. Known are {', '.join(_CLASSES)}."
        raise InputError(msg)
    try:
        return _built(card, arrays)
    except InputError as error:
        msg = f"{folder} does not hold a usable {card['model']}: {error}"
        raise InputError(msg) from error
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError) as error:
        msg = f"{folder} does not hold a usable {card['model']}: {type(error).__name__}: {error}"
        raise InputError(msg) from error


def read_card(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Card of a saved model, as written.

    Raises
    ------
    InputError
        If it is missing, no JSON, or of another format.
    """
    file = Path(path) / _CARD
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{path} holds no model: there is no {_CARD}. Give the folder that save() wrote."
        raise InputError(msg) from error
    except ValueError as error:
        msg = f"{file} is damaged: {error}. Save the model again."
        raise InputError(msg) from error
    needed = {"format": int, "model": str, "parameters": dict, "state": dict, "tensors": dict}
    wrong = [
        key
        for key, kind in needed.items()
        if not isinstance(card, dict) or not isinstance(card.get(key), kind)
    ]
    if wrong:
        msg = f"{file} is no model card: {', '.join(wrong)} missing or of the wrong type."
        raise InputError(msg)
    if card["format"] != _FORMAT:
        msg = f"{file} has format {card['format']}, this version reads {_FORMAT}. Update geolivelihood."
        raise InputError(msg)
    return card


def _described(model: Any) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Arrays and card entries that make a model again; those of a model's parts under their names."""
    name = type(model).__name__
    if _CLASSES.get(name) is not type(model):
        msg = f"Cannot save a {name}. Models that can be saved: {', '.join(_CLASSES)}."
        raise InputError(msg)
    arrays, state = _state(model)
    fitted = model._parts() if hasattr(model, "_parts") else {}
    parts = {part: _described(estimator) for part, estimator in fitted.items()}
    for part, (own, _) in parts.items():
        arrays |= {f"{part}.{key}": value for key, value in own.items()}
    parameters = {key: value for key, value in model.get_params(deep=False).items() if key not in parts}
    described = {"model": name, "parameters": parameters, "state": state}
    if parts:
        described["parts"] = {part: entries for part, (_, entries) in parts.items()}
    return arrays, described


def _built(described: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Any:
    """The model that :func:`_described` took apart."""
    parts = {}
    for part, entries in described.get("parts", {}).items():
        start = f"{part}."
        own = {key.removeprefix(start): value for key, value in arrays.items() if key.startswith(start)}
        parts[part] = _built(entries, own)
    model = _CLASSES[described["model"]](
        **described["parameters"], **{part: clone(estimator) for part, estimator in parts.items()}
    )
    state = described["state"]
    if "classes" in state:
        values, kind = state["classes"]["values"], state["classes"]["dtype"]
        state = state | {"classes": np.asarray(values, dtype=kind)}
    model._restore(arrays, state | {"parts": parts} if parts else state)
    return model


def _state(model: Any) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    try:
        arrays, state = model._state()
    except (AttributeError, NotFittedError) as error:
        msg = f"This {type(model).__name__} is not fitted. Call fit first, then save."
        raise InputError(msg) from error
    if "classes" in state:
        classes = np.asarray(state["classes"])
        state = state | {"classes": {"values": classes.tolist(), "dtype": classes.dtype.str}}
    return {name: np.array(value, order="C") for name, value in arrays.items()}, state


def _write(folder: Path, arrays: dict[str, npt.NDArray[Any]], card: dict[str, Any]) -> None:
    if folder.exists() and not (folder / _CARD).is_file() and (folder.is_file() or any(folder.iterdir())):
        msg = f"{folder} exists and holds no model. Name a new folder, so that nothing of yours is replaced."
        raise OutputError(msg)
    with atomic(folder) as part:
        part.mkdir()
        save_file(arrays, part / _TENSORS)
        shapes = {name: [str(value.dtype), list(value.shape)] for name, value in sorted(arrays.items())}
        card = card | {"tensors": {"sha256": file_hash(part / _TENSORS), "arrays": shapes}}
        try:
            text = json.dumps(card, indent=1, allow_nan=False, default=_plain)
        except (TypeError, ValueError) as error:
            msg = (
                f"The card cannot be written as JSON: {error}. Give plain numbers, strings, lists, mappings."
            )
            raise InputError(msg) from error
        (part / _CARD).write_text(text + "\n", encoding="utf-8")


def _tensors(folder: Path, card: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    file = folder / _TENSORS
    try:
        if file_hash(file) != card["tensors"].get("sha256"):
            msg = f"{file} is not the file that {_CARD} describes (another hash): damaged, or mixed up."
            raise InputError(msg)
        return load_file(file)
    except OSError as error:
        msg = f"{file} is missing or unreadable: {error.strerror}."
        raise InputError(msg) from error
    except SafetensorError as error:
        msg = f"{file} is damaged: {error}."
        raise InputError(msg) from error


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    msg = f"{type(value).__name__} is not JSON"
    raise TypeError(msg)


def _history(model: Any) -> dict[str, Any] | None:
    history = getattr(model, "history_", None)
    return None if history is None else history._asdict()


def _geojson(extent: Any) -> Any:
    if extent is None or isinstance(extent, Mapping):
        return extent
    if extent.crs is None:
        msg = 'extent has no CRS. Set it with extent.set_crs("EPSG:4326") if it is longitude/latitude.'
        raise MissingCRSError(msg)
    hull = extent.geometry.to_crs("EPSG:4326").union_all().convex_hull
    return json.loads(
        shapely.to_geojson(shapely.orient_polygons(hull) if hull.geom_type == "Polygon" else hull)
    )


def _versions() -> dict[str, str]:
    found = {"geolivelihood": __version__, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
