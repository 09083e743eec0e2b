"""Weights of a network: read without executing anything, matched key by key, reported."""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlparse

import torch
import torchvision
from safetensors.torch import load_file
from torch import Tensor, nn

from geolivelihood.errors import EnvironmentMissingError, InputError

__all__ = [
    "WeightReport",
    "load_weights",
    "published_state",
    "read_content",
    "read_state",
    "state_hash",
    "state_in",
]

_log = logging.getLogger(__name__)
_FILES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".tar")


@dataclass(frozen=True)
class WeightReport:
    """What became of each key when weights were loaded.

    Attributes
    ----------
    source
        Where the weights came from.
    matched, missing, unexpected
        Keys that were loaded; keys of the network that the file lacks (counters of batch normalisation
        only: anything else raises); keys of the file that the network has no use for (such as its head).
    """

    source: str
    matched: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()


def is_weights_file(weights: str | os.PathLike[str]) -> bool:
    """Whether ``weights`` names a file rather than one of torchvision's published weights."""
    return isinstance(weights, os.PathLike) or Path(weights).suffix.lower() in _FILES


def read_state(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Tensors of a ``.safetensors`` file or of a PyTorch state dict.

    PyTorch files are read with ``torch.load(weights_only=True)``: a file that needs more than tensors and
    plain containers is refused, because reading it could run code.

    Raises
    ------
    InputError
        If the file is missing, damaged, needs to execute something, or holds no tensors.
    """
    return state_in(read_content(path), path)


def read_content(path: str | os.PathLike[str]) -> Any:
    """All that a weights file holds: tensors, and in a PyTorch file plain containers around them.

    Raises
    ------
    InputError
        If the file is missing, a folder, damaged, or needs to execute something.
    """
    file = Path(path)
    if not file.is_file():
        msg = f"There is no weights file {file}."
        if file.is_dir():
            msg = f"{file} is a folder, no weights file: give the file in it ({', '.join(_FILES)})."
        raise InputError(msg)
    try:
        if file.suffix.lower() == ".safetensors":
            return load_file(file)
        return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        held = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f"a pickled {held[1]}" if held else "more than tensors"
        msg = (
            f"{file} is damaged or holds {what}; loading it could run code, so it is refused. "
            "Save its state_dict() alone, best as safetensors."
        )
        raise InputError(msg) from error
    except Exception as error:  # a truncated file fails in as many ways as there are bytes to cut it at
        msg = f"{file} is no readable weights file: {error or type(error).__name__}"
        raise InputError(msg) from error


def state_in(content: Any, source: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The state dict in the content of a weights file.

    Raises
    ------
    InputError
        If there is none.
    """
    for nest in ("state_dict", "model_state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(nest), Mapping):
            content = content[nest]
    found = {}
    if isinstance(content, Mapping):
        found = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
    if not found:
        msg = f"{source} holds no state dict: a mapping from names to tensors, or one under 'state_dict'."
        raise InputError(msg)
    return found


def published_state(name: str, weights: str) -> tuple[str, dict[str, Tensor]]:
    """Torchvision's own weights of a network, by their name, such as ``"IMAGENET1K_V1"`` or ``"DEFAULT"``.

    Returns
    -------
    tuple
        The name that the weights resolve to, and their tensors.

    Raises
    ------
    InputError
        If the network has no weights of that name.
    EnvironmentMissingError
        If they are neither in the cache nor downloadable; the message says where to put the file.
    """
    known = torchvision.models.get_model_weights(name)
    try:
        entry = known[weights]
    except KeyError as error:
        names = ", ".join(["DEFAULT", *(item.name for item in known)])
        msg = (
            f"weights={weights!r} for {name}: give 'random', a file ({', '.join(_FILES)}) or one of {names}."
        )
        raise InputError(msg) from error
    file_name = Path(urlparse(entry.url).path).name
    target = Path(torch.hub.get_dir()) / "checkpoints" / file_name
    if not target.exists():
        _download(entry.url, target)
    return entry.name, read_state(target)


def _download(url: str, target: Path) -> None:
    prefix = target.stem.rpartition("-")[2]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(target), hash_prefix=prefix, progress=False)
    except (URLError, OSError, RuntimeError) as error:
        msg = (
            f"The weights {target.name} are not on this machine and cannot be fetched ({error}). "
            f"Download {url} elsewhere and put the file at {target}, or choose weights='random' or a file."
        )
        raise EnvironmentMissingError(msg) from error


def load_weights(
    network: nn.Module, state: Mapping[str, Tensor], *, source: str, prefix: str | None = None
) -> WeightReport:
    """Load weights into a network in place, all of them or none.

    Parameters
    ----------
    network
        A network without its head; head weights in ``state`` are reported as unexpected.
    state
        Tensors by name.
    source
        Where they came from, for messages.
    prefix
        What the file puts before the network's own names (``"encoder_q."``); ``None`` finds it.

    Raises
    ------
    InputError
        If a weight of the network is missing or has another shape, or if several prefixes fit.
    """
    wanted = network.state_dict()
    start = _prefix(state, wanted, source) if prefix is None else prefix
    offered = {key[len(start) :]: value for key, value in state.items() if key.startswith(start)}
    missing = sorted(set(wanted) - set(offered))
    lacking = [key for key in missing if not key.endswith("num_batches_tracked")]
    if lacking:
        msg = f"{source} lacks {len(lacking)} of {len(wanted)} weights of the network: {_some(lacking)}."
        raise InputError(msg)
    wrong = [k for k in wanted if k in offered and offered[k].shape != wanted[k].shape]
    if wrong:
        shapes = [f"{k} {tuple(offered[k].shape)} instead of {tuple(wanted[k].shape)}" for k in wrong]
        msg = f"{source} has weights of another shape: {_some(shapes)}. Is it another network or size?"
        raise InputError(msg)
    matched = {key: offered[key] for key in wanted if key in offered}
    network.load_state_dict(wanted | matched)
    unexpected = sorted(key for key in state if key.removeprefix(start) not in matched)
    report = WeightReport(source, tuple(matched), tuple(missing), tuple(unexpected))
    _log.info("%s: %d weights matched, unused: %s", source, len(matched), _some(unexpected) or "none")
    return report


def _prefix(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], source: str) -> str:
    """What stands before the network's names in the file: '' or such as 'module.'."""
    anchor = next(iter(wanted))
    starts = [key[: -len(anchor)] for key in state if key == anchor or key.endswith(f".{anchor}")]
    matches = {start: sum(start + key in state for key in wanted) for start in starts}
    best = [start for start, count in matches.items() if count == max(matches.values())]
    if len(best) > 1:
        msg = f"{source} holds several networks ({', '.join(best)}): say which with prefix=."
        raise InputError(msg)
    return best[0] if best else ""


def _some(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def state_hash(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes of tensors, whatever their order."""
    digest = hashlib.sha256()
    for key in sorted(state):
        value = state[key].detach().cpu().contiguous()
        digest.update(f"{key}:{value.dtype}:{tuple(value.shape)};".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
