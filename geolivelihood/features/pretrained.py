"""Encoders as folders: the weights of a network without its head, and a card that says how to feed it.

A folder holds ``weights.safetensors`` and ``card.json``. Reading it builds a torchvision network by the name
on the card and fills it with tensors; nothing in the folder is executed. The folder's path is the name of an
encoder wherever encoders have names (:func:`~geolivelihood.features.encoder`, project files, commands).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from geolivelihood import __version__
from geolivelihood.errors import InputError, OutputError
from geolivelihood.features.backbones import Backbone, backbone_names, headless
from geolivelihood.features.feeding import Normalise
from geolivelihood.features.weights import load_weights, read_state, state_hash
from geolivelihood.files import atomic, file_hash

__all__ = [
    "check_replaceable",
    "is_pretrained",
    "pretrained_backbone",
    "pretrained_files",
    "read_head",
    "read_pretrained",
    "read_pretrained_card",
    "save_pretrained",
]

_FORMAT = 1
_WEIGHTS, _HEAD, _CARD = "weights.safetensors", "head.safetensors", "card.json"
_OWN = ("format", "weights_hash", "tensors", "versions")
_NORMALISE = get_args(Normalise)


def save_pretrained(
    folder: str | os.PathLike[str],
    network: nn.Module,
    card: Mapping[str, Any],
    *,
    head: nn.Module | None = None,
) -> Path:
    """Save an encoder as a folder, whole or not at all.

    Parameters
    ----------
    folder
        Folder to write; an encoder already there is replaced, anything else is not.
    network
        The network without its head, as :func:`~geolivelihood.features.headless` makes it.
    card
        How the network is fed, and whatever else is known of it:

        * ``architecture``: its torchvision name; ``size``: side of its pictures in pixels;
        * ``bands``: their number, or which bands of the files (counted from 1);
        * ``mean``, ``sd``: of each band, of values in 0-1; or ``normalise``: ``"minmax"`` (each picture
          from 0 to 1 by its own extremes, Rank-N-Contrast), ``"imagenet"`` or ``"none"`` (values 0-255);
        * optional ``value_range`` (the values that are 0 and 1 in pictures of physical units) and ``fit``
          (``"squash"`` or ``"crop"``); ``group_norm`` is found in the network;
        * by convention ``method`` (name and settings), ``transform`` (augmentation), ``extent`` (GeoJSON),
          ``metrics`` (each with its split); any other JSON.
    head
        What was trained on the features, kept beside the network; :func:`read_head` reads it.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    InputError
        If the card lacks something or does not describe the network, a weight is not finite, or the card
        cannot be written as JSON.
    OutputError
        If the folder cannot be written.
    """
    target = Path(folder)
    given = _checked({key: card[key] for key in card if key not in _OWN}, "The card")
    groups = [module.num_groups for module in network.modules() if isinstance(module, nn.GroupNorm)]
    if groups and "group_norm" not in given:
        # each is a greatest common divisor with the layer's channels, and so it is with their multiple
        given["group_norm"] = math.lcm(*groups)
    state = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    _check_network(state, given)
    check_replaceable(target)
    with atomic(target) as part:
        part.mkdir()
        save_file(state, part / _WEIGHTS)
        shapes = {key: [str(value.dtype), list(value.shape)] for key, value in sorted(state.items())}
        whole = given | {
            "format": _FORMAT,
            "weights_hash": state_hash(state),
            "tensors": {"sha256": file_hash(part / _WEIGHTS), "arrays": shapes},
            "versions": _versions(),
        }
        if head is not None:
            made = {key: value.detach().cpu().contiguous() for key, value in head.state_dict().items()}
            save_file(made, part / _HEAD)
            whole["head"] = {**given.get("head", {}), "sha256": file_hash(part / _HEAD)}
        (part / _CARD).write_text(_as_json(whole) + "\n", encoding="utf-8")
    return target


def check_replaceable(folder: str | os.PathLike[str]) -> Path:
    """The folder, if an encoder may be saved there: it is new, empty, or holds an encoder.

    Raises
    ------
    OutputError
        If something else lies there.
    """
    target = Path(folder)
    if target.exists() and not is_pretrained(target) and (target.is_file() or any(target.iterdir())):
        msg = (
            f"{target} exists and holds no encoder. Name a new folder, so that nothing of yours is replaced."
        )
        raise OutputError(msg)
    return target


def read_pretrained(folder: str | os.PathLike[str]) -> tuple[nn.Module, dict[str, Any]]:
    """The network of a folder that :func:`save_pretrained` wrote, in evaluation mode, and its card.

    Raises
    ------
    InputError
        If there is no encoder, a file is missing, damaged or of another encoder, or the tensors do not fit
        the network that the card names.
    """
    card = read_pretrained_card(folder)
    network = _network(card)
    load_weights(network, read_state(_weights_file(folder, card)), source=str(folder), prefix="")
    return network, card


def read_head(folder: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors of the head that was saved beside an encoder, and what its card says of it.

    Raises
    ------
    InputError
        If there is none, or the file is missing, damaged or another's.
    """
    told = read_pretrained_card(folder).get("head")
    if not isinstance(told, Mapping):
        msg = f"{folder} holds an encoder without a head: nothing was fine-tuned there."
        raise InputError(msg)
    return read_state(_described(Path(folder) / _HEAD, told)), dict(told)


def read_pretrained_card(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Card of a saved encoder.

    Raises
    ------
    InputError
        If it is missing, no JSON, of another format, or lacks what an encoder needs.
    """
    file = Path(folder) / _CARD
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{folder} holds no encoder: there is no {_CARD}. Give the folder that save_pretrained() wrote."
        raise InputError(msg) from error
    except ValueError as error:
        msg = f"{file} is damaged: {error}. Save the encoder again."
        raise InputError(msg) from error
    if not isinstance(card, dict) or not isinstance(card.get("tensors"), dict):
        msg = f"{file} is no card of an encoder; a saved model is loaded by geolivelihood.models.load()."
        raise InputError(msg)
    if card.get("format") != _FORMAT:
        msg = f"{file} has format {card.get('format')}, this version reads {_FORMAT}. Update geolivelihood."
        raise InputError(msg)
    return _checked(card, str(file))


def pretrained_backbone(
    folder: str | os.PathLike[str],
    *,
    size: int | None = None,
    bands: Sequence[int] | None = None,
    value_range: tuple[float, float] | None = None,
    fit: Literal["squash", "crop"] | None = None,
) -> Backbone:
    """An encoder from its folder, fed as its card says.

    Parameters
    ----------
    folder
        What :func:`save_pretrained` wrote.
    size, bands, value_range, fit
        Instead of the card's, for pictures that are kept otherwise than those it learned from; there must be
        as many bands.

    Raises
    ------
    InputError
        As in :func:`read_pretrained`, or if an option does not fit the network.
    """
    card = read_pretrained_card(folder)
    count, own = _band_count(card), card["bands"]
    chosen = bands or (None if isinstance(own, int) else own)
    if chosen is not None and len(chosen) != count:
        msg = (
            f"bands={tuple(chosen)}: the encoder {folder} takes {count}, so name {count} of the files' bands."
        )
        raise InputError(msg)
    limits = value_range or card.get("value_range")
    made = Backbone(
        card["architecture"],
        weights=_weights_file(folder, card),
        size=size or card["size"],
        fit=fit or card.get("fit", "squash"),
        bands=chosen,
        n_bands=count,
        value_range=None if limits is None else (float(limits[0]), float(limits[1])),
        normalise=card["normalise"],
        mean=card.get("mean"),
        sd=card.get("sd"),
        prefix="",
        group_norm=card.get("group_norm"),
    )
    method = card.get("method")
    made.weights = str(method.get("name", "pretrained")) if isinstance(method, Mapping) else "pretrained"
    return made


def is_pretrained(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a folder with the card and the weights of an encoder."""
    return all(file.is_file() for file in pretrained_files(path))


def pretrained_files(folder: str | os.PathLike[str]) -> list[Path]:
    """The files by which an encoder's folder changes."""
    return [Path(folder) / _CARD, Path(folder) / _WEIGHTS]


def _weights_file(folder: str | os.PathLike[str], card: Mapping[str, Any]) -> Path:
    return _described(Path(folder) / _WEIGHTS, card["tensors"])


def _described(file: Path, told: Mapping[str, Any]) -> Path:
    """The file, which must be the one that the card tells of."""
    try:
        found = file_hash(file)
    except OSError as error:
        msg = f"{file} is missing or unreadable: {error.strerror}."
        raise InputError(msg) from error
    if found != told.get("sha256"):
        msg = f"{file} is not the file that {_CARD} describes (another hash): damaged, or mixed up."
        raise InputError(msg)
    return file


def _network(card: Mapping[str, Any]) -> nn.Module:
    """The network that the card names, with random weights."""
    groups = card.get("group_norm")
    return headless(card["architecture"], size=card["size"], bands=_band_count(card), group_norm=groups)[0]


def _check_network(state: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Whether the card's network would take these weights, every one of them and no other."""
    name, bands = card["architecture"], _band_count(card)
    network = _network(card)
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    offered = {key: tuple(value.shape) for key, value in state.items()}
    differ = sorted(key for key in wanted.keys() | offered.keys() if wanted.get(key) != offered.get(key))
    if differ:
        told = [f"{key} {offered.get(key, 'missing')} for {wanted.get(key, 'nothing')}" for key in differ[:3]]
        msg = (
            f"The network is not the {name} of {bands} bands without its head that the card names: "
            f"{len(differ)} weights differ ({'; '.join(told)}). Give headless({name!r}) or mend the card."
        )
        raise InputError(msg)
    broken = [key for key, value in state.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        msg = f"{len(broken)} weights are not finite, such as {broken[0]}: the training diverged."
        raise InputError(msg)


def _checked(card: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The card with ``normalise`` filled in; InputError with all that is wrong with it."""
    made = dict(card)
    given = made.get("mean") is not None or made.get("sd") is not None
    made.setdefault("normalise", "channels" if given else None)
    faults = list(_faults(made))
    if faults:
        msg = f"{where} does not describe an encoder: {'; '.join(faults)}."
        raise InputError(msg)
    return made


def _faults(card: Mapping[str, Any]) -> Iterator[str]:
    name, size, bands, normalise = (card.get(k) for k in ("architecture", "size", "bands", "normalise"))
    if name not in backbone_names():
        yield f"'architecture' {name!r} is no network of torchvision"
    if not _is_count(size):
        yield f"'size' {size!r} is no number of pixels"
    if not _are_bands(bands):
        yield f"'bands' {bands!r} is neither their number nor a list of them counted from 1"
    elif normalise == "channels":
        n = _band_count(card)
        if not (_are_numbers(card.get("mean"), n) and _are_numbers(card.get("sd"), n, above=0)):
            yield f"'mean' and 'sd' need {n} numbers each, one per band, and sd above 0"
    if normalise not in _NORMALISE:
        yield f"'normalise' {normalise!r} is none of {', '.join(_NORMALISE)} (or give 'mean' and 'sd')"
    limits = card.get("value_range")
    if limits is not None and not (_are_numbers(limits, 2) and float(limits[0]) < float(limits[1])):
        yield f"'value_range' {limits!r} is no pair that rises"
    if card.get("group_norm") is not None and not _is_count(card["group_norm"]):
        yield f"'group_norm' {card['group_norm']!r} is no number of groups"
    if card.get("fit", "squash") not in ("squash", "crop"):
        yield f"'fit' {card['fit']!r} is neither 'squash' nor 'crop'"


def _band_count(card: Mapping[str, Any]) -> int:
    return card["bands"] if isinstance(card["bands"], int) else len(card["bands"])


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _are_bands(bands: Any) -> bool:
    named = isinstance(bands, (list, tuple)) and bool(bands) and all(map(_is_count, bands))
    return _is_count(bands) or named


def _are_numbers(values: Any, count: int, *, above: float = -math.inf) -> bool:
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        return False
    return len(numbers) == count and all(math.isfinite(n) and n > above for n in numbers)


def _versions() -> dict[str, str]:
    libraries = ("torch", "torchvision", "lightning", "numpy")
    return {"geolivelihood": __version__} | {name: version(name) for name in libraries}


def _as_json(card: Mapping[str, Any]) -> str:
    try:
        return json.dumps(card, indent=1, allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        msg = f"The card cannot be written as JSON: {error}. Give plain numbers, strings, lists, mappings."
        raise InputError(msg) from error


def _plain(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray, Tensor)):
        return value.tolist()
    if isinstance(value, (Path, torch.dtype)):
        return str(value)
    msg = f"{type(value).__name__} is not JSON"
    raise TypeError(msg)
