"""What a layer of a network answers to pictures, and how a prediction depends on it."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from geolivelihood.errors import InputError
from geolivelihood.explanation.attribution.hooks import as_found
from geolivelihood.explanation.attribution.subject import Outputs, question, subject
from geolivelihood.features.weights import state_hash
from geolivelihood.files import atomic
from geolivelihood.progress import track

__all__ = ["LinearHead", "layer_activations", "layer_gradients", "linear_head"]

Floats = npt.NDArray[np.float64]
Pool = Literal["mean", "none"]
Pictures = npt.ArrayLike | Tensor


class LinearHead(NamedTuple):
    """A prediction that is linear in pooled features: weights·features + intercept, in target units.

    Attributes
    ----------
    weights
        Shape (d,).
    intercept
        Of the target.
    layer
        Name of the linear layer; what goes into it are the pooled features.
    """

    weights: Floats
    intercept: float
    layer: str


def layer_activations(
    model: Any,
    images: Pictures,
    *,
    layer: str,
    pool: Pool = "mean",
    inputs: bool = False,
    batch_size: int = 32,
    cache: str | os.PathLike[str] | None = None,
) -> Floats:
    """Activations of a layer, one row per picture.

    Parameters
    ----------
    model
        A torch module, or a fitted :class:`~geolivelihood.models.ImageRegressor` or ``ImageClassifier``.
        It is left in the mode in which it was found.
    images
        Pictures (n, channels, height, width) as the model takes them: estimators want uint8.
    layer
        Name of the layer, as in ``model.named_modules()``.
    pool
        ``"mean"`` averages maps (n, d, height, width) and tokens (n, tokens, d) over the picture; ``"none"``
        strings them out.
    inputs
        Take what goes into the layer instead of what comes out, such as the features before a head.
    batch_size
        Pictures at a time.
    cache
        Folder that keeps activations. A file is named by the hash of weights, layer and pixels, so that other
        pictures, or a model that learned on, never meet old ones.

    Returns
    -------
    numpy.ndarray
        float64, shape (n, d).

    Raises
    ------
    InputError
        If the model has no such layer (the message lists those it has), or there is no picture.
    """
    of = subject(model)
    network = of.network
    module = _layer(network, layer)
    pictures = _pictures(images)
    _check_pool(pool)
    kept = None if cache is None else Path(cache) / f"{_key(network, pictures, layer, pool, inputs)}.npy"
    if kept is not None and kept.exists():
        return np.load(kept, allow_pickle=False)
    found: list[Tensor] = []

    def keep(_module: nn.Module, given: Any, out: Any) -> None:
        # a copy: in-place layers behind would write over it
        found.append(_pooled(_tensor(given if inputs else out, layer), pool).detach().double().cpu().clone())

    with as_found(network), torch.no_grad(), _hooked(module, keep):
        for batch in _batches(pictures, batch_size, "reading activations"):
            seen = len(found)
            of.forward(batch.to(of.device))
            _check_once(len(found) - seen, layer)
    answer = torch.cat(found).numpy()
    if kept is not None:
        with atomic(kept) as part, part.open("wb") as stream:
            np.save(stream, answer)
    return answer


def layer_gradients(
    model: Any,
    images: Pictures,
    *,
    layer: str,
    target: Any = None,
    outputs: Outputs = "auto",
    pool: Pool = "mean",
    batch_size: int = 32,
) -> Floats:
    """Gradient of the prediction by the activations of a layer, one row per picture, in target units.

    Something is added to what the layer puts out, and the gradient taken by that: layers that write over
    their input cannot falsify it. With ``pool="mean"`` the same is added at every place of a map, which is
    what moving the pooled activation means.

    Parameters
    ----------
    model, images, layer, pool, batch_size
        As in :func:`layer_activations`.
    target, outputs
        As in :func:`~geolivelihood.explanation.attribution.attribute`: position or name of an output; of
        several classes each picture's predicted one by default.

    Returns
    -------
    numpy.ndarray
        float64, shape (n, d).

    Raises
    ------
    InputError
        As in :func:`layer_activations`; and if the prediction does not depend on the layer.
    """
    of = subject(model, outputs=outputs)
    network = of.network
    module = _layer(network, layer)
    pictures = _pictures(images)
    _check_pool(pool)
    probes: list[Tensor] = []

    def probe(_module: nn.Module, _given: Any, out: Any) -> Any:
        value = _tensor(out, layer)
        shape = _one_place(value.shape) if pool == "mean" else value.shape
        probes.append(torch.zeros(shape, dtype=value.dtype, device=value.device, requires_grad=True))
        return value + probes[-1]

    found = []
    with as_found(network), _hooked(module, probe):
        for batch in _batches(pictures, batch_size, "reading gradients"):
            probes.clear()
            given = of.forward(batch.to(of.device))
            _check_once(len(probes), layer)
            given = given[:, None] if given.ndim == 1 else given
            asked = question(of, given, target)
            answer = asked.score(given, asked.weights(given)).sum()
            (gradient,) = torch.autograd.grad(answer, probes[-1:], allow_unused=True)
            if gradient is None:
                msg = f"The prediction does not depend on the layer {layer!r}. Choose one before the output."
                raise InputError(msg)
            found.append(gradient.flatten(1).detach().double().cpu())
    return torch.cat(found).numpy()


def linear_head(model: Any, *, target: Any = None, outputs: Outputs = "auto") -> LinearHead:
    """Weights of the last linear layer for one target, in target units.

    Parameters
    ----------
    model
        A torch module whose last linear layer gives the output, or a fitted estimator of pictures.
    target, outputs
        As in :func:`~geolivelihood.explanation.attribution.attribute`. Logits of classes float by a constant,
        so the log-odds of two classes, or a logit above the mean of all, are explained;
        ``outputs="values"`` takes each output for itself.

    Raises
    ------
    InputError
        If there is no linear layer, or no such target.
    """
    of = subject(model, outputs=outputs)
    network = of.network
    linear = [(name, part) for name, part in network.named_modules() if isinstance(part, nn.Linear)]
    if not linear:
        msg = f"{type(network).__name__} has no linear layer. Use layer_gradients at a layer by name."
        raise InputError(msg)
    name, head = linear[-1]
    some = torch.zeros(1, head.out_features)
    asked = question(of, some, target)
    if asked.column is None:
        msg = f"The model has {head.out_features} classes, each with weights of its own. Say which: target=0."
        raise InputError(msg)
    mix = asked.weights(some)[0].numpy()
    weights = mix @ head.weight.detach().double().cpu().numpy()
    bias = 0.0 if head.bias is None else float(mix @ head.bias.detach().double().cpu().numpy())
    return LinearHead(weights, bias + asked.offset, name)


def _layer(network: nn.Module, name: str) -> nn.Module:
    modules = dict(network.named_modules())
    if name not in modules or not name:
        known = [key for key in modules if key]
        shown = ", ".join(known[:80]) + (f" ... ({len(known)} in all)" if len(known) > 80 else "")
        msg = f"The model has no layer {name!r}. It has: {shown}."
        raise InputError(msg)
    return modules[name]


def _pictures(images: Pictures) -> Tensor:
    tensor = images if isinstance(images, Tensor) else torch.as_tensor(np.asarray(images))
    if not len(tensor) if tensor.ndim else True:
        msg = "There is no picture. Give an array (n, channels, height, width)."
        raise InputError(msg)
    if tensor.is_floating_point() and not torch.isfinite(tensor).all():
        msg = "Some pixels are not finite. Fill what has no data before, with the mean colour for example."
        raise InputError(msg)
    return tensor


def _batches(pictures: Tensor, size: int, text: str) -> Iterable[Tensor]:
    if size < 1:
        msg = f"batch_size={size} is below 1."
        raise InputError(msg)
    return track(list(torch.split(pictures, size)), text)


def _tensor(value: Any, layer: str) -> Tensor:
    inner = value[0] if isinstance(value, tuple) and len(value) == 1 else value
    if not isinstance(inner, Tensor) or inner.ndim < 2:
        msg = f"The layer {layer!r} does not work on one tensor per picture; choose another one."
        raise InputError(msg)
    return inner


def _check_pool(pool: str) -> None:
    if pool not in ("mean", "none"):
        msg = f"pool={pool!r}: choose 'mean' or 'none'."
        raise InputError(msg)


def _check_once(times: int, layer: str) -> None:
    if times != 1:
        msg = f"The layer {layer!r} answers {times} times per picture; choose one that answers once."
        raise InputError(msg)


def _pooled(value: Tensor, pool: str) -> Tensor:
    if pool == "none" or value.ndim == 2:
        return value.flatten(1)
    # tokens of transformers have their features last, maps have them first
    return value.mean(dim=1) if value.ndim == 3 else value.flatten(2).mean(dim=2)


def _one_place(shape: torch.Size) -> tuple[int, ...]:
    if len(shape) == 3:
        return shape[0], 1, shape[2]
    return *shape[:2], *[1] * (len(shape) - 2)


def _key(network: nn.Module, pictures: Tensor, layer: str, pool: str, inputs: bool) -> str:
    digest = hashlib.sha256(f"{network}|{layer}|{pool}|{inputs}|{pictures.dtype}|".encode())
    digest.update(f"{tuple(pictures.shape)}|{state_hash(network.state_dict())}".encode())
    digest.update(pictures.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


@contextlib.contextmanager
def _hooked(module: nn.Module, hook: Callable[..., Any]) -> Iterator[None]:
    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
