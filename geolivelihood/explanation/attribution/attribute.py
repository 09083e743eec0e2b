"""One call for all methods of attribution on pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from geolivelihood.errors import InputError
from geolivelihood.explanation.attribution import (
    cams,
    deep,
    gradients,
    guided,
    occlusion,
    shapley_blocks,
    signed,
)
from geolivelihood.explanation.attribution.architecture import Step, trace
from geolivelihood.explanation.attribution.baselines import baseline_name, given_pictures, whole_pictures
from geolivelihood.explanation.attribution.hooks import as_found
from geolivelihood.explanation.attribution.result import Attribution
from geolivelihood.explanation.attribution.scoring import picture_batch, picture_tensor
from geolivelihood.explanation.attribution.subject import Outputs, Question, Subject, question, subject
from geolivelihood.explanation.attribution.work import Parts, Work
from geolivelihood.progress import track

__all__ = ["METHODS", "Method", "attribute", "guided_gradients"]

Floats = npt.NDArray[np.float64]
Registered = tuple[float, float] | Literal["receptive_field", "extent"]


@dataclass(frozen=True)
class Method:
    """One way of attribution.

    Attributes
    ----------
    run
        From the work and a batch of pictures to their parts.
    place
        What its maps are of: a ``"layer"``, ``"pixels"``, ``"either"`` (a layer if one is named),
        ``"both"`` (a layer, enlarged to pixels), or ``"blocks"`` of pixels.
    baseline
        Whether it compares with a baseline.
    background
        Whether given pictures are a background for all, rather than one baseline each.
    """

    run: Callable[[Work, Tensor], Parts]
    place: Literal["layer", "pixels", "either", "blocks", "both"]
    baseline: bool = False
    background: bool = False


METHODS: dict[str, Method] = {
    "signed_cam": Method(signed.signed_maps, "layer"),
    "grad_cam": Method(cams.grad_cam, "layer"),
    "grad_cam++": Method(cams.grad_cam_plus_plus, "layer"),
    "grad_cam++_exp": Method(cams.grad_cam_plus_plus_exp, "layer"),
    "layer_cam": Method(cams.layer_cam, "layer"),
    "score_cam": Method(cams.score_cam, "layer", baseline=True),
    "guided_backprop": Method(guided.guided_backprop, "pixels"),
    "guided_grad_cam": Method(guided.guided_grad_cam, "both"),
    "integrated_gradients": Method(gradients.integrated_gradients, "either", baseline=True),
    "gradient_shap": Method(gradients.gradient_shap, "pixels", baseline=True, background=True),
    "deep_shap": Method(deep.deep_shap, "pixels", baseline=True, background=True),
    "block_shap": Method(shapley_blocks.shapley_blocks, "blocks", baseline=True, background=True),
    "occlusion": Method(occlusion.occlusion, "blocks", baseline=True),
}
"""Methods by name."""

# Finding where cells look takes a backward pass or two; a network keeps its answer.
_KNOWN: WeakKeyDictionary[torch.nn.Module, dict[Any, tuple[float, float]]] = WeakKeyDictionary()


def attribute(
    model: Any,
    images: Any,
    *,
    method: str = "signed_cam",
    target: Any = None,
    outputs: Outputs = "auto",
    layer: str | None = None,
    baseline: Any = "mean",
    bias: Literal["spread", "intercept"] = "spread",
    rectify: bool = True,
    steps: int = 32,
    samples: int = 64,
    patch: int = 16,
    registration: Registered = "receptive_field",
    batch_size: int = 32,
    random_state: int = 0,
    normalise: bool = False,
) -> Attribution:
    """Where in each picture a model finds what raises, and what lowers, its score.

    The model is left as it was found: mode, hooks, in-place flags and statistics. Maps explain logits and
    values, not probabilities, and are in the unit of the target; a positive cell raises it.

    Parameters
    ----------
    model
        A fitted :class:`~geolivelihood.models.ImageRegressor` or
        :class:`~geolivelihood.models.ImageClassifier` (pictures in 0-255, of the size that it was trained
        on), or any torch module from pictures to outputs (pictures as it was trained with).
    images
        Shape (n, bands, height, width). Pixels without data are NaN and get their band's mean colour.
    method
        One of :data:`METHODS`. The default's maps sum to the prediction exactly, for networks that end in a
        linear layer on average-pooled maps.
    target
        Position of the output or name of the class; ``"predicted"`` for each picture's predicted class.
        ``None`` is the only output, the second of two classes, or the predicted of more. Of two classes
        the log-odds are explained, of more a class's logit above the mean of all.
    outputs
        Whether a torch module's outputs are logits of ``"classes"`` or ``"values"``; ``"auto"`` takes
        several outputs for classes.
    layer
        Name of the layer for methods that explain one; ``None`` is the last before the pooling.
        ``"integrated_gradients"`` explains pixels without a name.
    baseline
        What pictures are compared with: ``"mean"`` colour, ``"blur"``, ``"zero"``, or pictures. For the SHAP
        methods pictures are the background that all are compared with, for others one for all or each.
    bias
        Whether the signed CAM spreads the bias over the map or keeps it in the intercept.
    rectify
        Whether Grad-CAM and its kin cut what lowers the score, as published.
    steps
        Nodes of integrated gradients.
    samples
        Draws per picture of ``"gradient_shap"``; permutations of ``"block_shap"``.
    patch
        Side in pixels of the blocks of ``"occlusion"`` and ``"block_shap"``.
    registration
        Where a layer's cells look: by the middle of their receptive field, by equal parts of the picture's
        extent, or start and jump themselves.
    batch_size
        Pictures at a time.
    random_state
        Seed of ``"gradient_shap"`` and ``"block_shap"``.
    normalise
        Stretch each map to 0-1, for display only.

    Returns
    -------
    Attribution
        Maps (n, rows, columns) with their reference: target, baseline, intercept and residual.

    Raises
    ------
    InputError
        If method, target or layer do not exist (the message lists those that do), if a method does not fit
        the network, or if pictures or options are of the wrong kind.

    Examples
    --------
    >>> import torch
    >>> from torchvision.models import resnet18
    >>> found = attribute(resnet18(num_classes=2).eval(), torch.rand(2, 3, 64, 64))
    >>> found.maps.shape, bool(found.completeness_error < 1e-5)
    ((2, 2, 2), True)
    """
    chosen = _method(method)
    _check(steps=steps, samples=samples, patch=patch, batch_size=batch_size, bias=bias)
    of = subject(model, outputs=outputs)
    pictures = picture_tensor(images)
    first = trace(of, picture_batch(of.device, pictures[:1]))
    asked = question(of, first.outputs, target)
    named = chosen.place in ("layer", "both") or (chosen.place == "either" and layer is not None)
    step = first.layer(layer) if named else None
    start, jump = _places(of, step, pictures, registration, chosen, patch)
    work = Work(
        subject=of,
        question=asked,
        layer=None if step is None else step.module,
        head=first.head(),
        norm=None if step is None else first.norm_before_head(step),
        start=start,
        jump=jump,
        baseline=_whole_baseline(baseline, pictures, chosen),
        bias=bias,
        rectify=rectify,
        steps=steps,
        samples=samples,
        patch=patch,
        batch_size=batch_size,
        seed=random_state,
    )
    parts = _all_batches(work, chosen, pictures, method)
    if chosen.place == "both":
        start, jump = 0.5, 1.0
    found = _result(
        parts,
        asked,
        baseline=baseline_name(baseline) if chosen.baseline else "none",
        method=method,
        start=start,
        jump=jump,
        size=(int(pictures.shape[2]), int(pictures.shape[3])),
        layer=None if step is None else step.name,
    )
    return found.normalised() if normalise else found


def guided_gradients(
    model: Any, images: Any, *, target: Any = None, outputs: Outputs = "auto", batch_size: int = 32
) -> Floats:
    """Guided gradients of every band, shape (n, bands, height, width), as they are printed in colour.

    See :func:`attribute` for the parameters and ``method="guided_backprop"`` for maps of them.
    """
    of, pictures = subject(model, outputs=outputs), picture_tensor(images)
    asked = question(of, trace(of, picture_batch(of.device, pictures[:1])).outputs, target)
    work = Work(of, asked, batch_size=batch_size)
    found = []
    with as_found(of.network):
        for at in range(0, len(pictures), batch_size):
            batch = picture_batch(of.device, pictures[at : at + batch_size])
            found.append(guided.guided_slope(work, batch, work.asked(batch)[0]).cpu())
    return torch.cat(found).numpy()


def _method(name: str) -> Method:
    if name not in METHODS:
        msg = f"method={name!r}: choose one of {', '.join(METHODS)}."
        raise InputError(msg)
    return METHODS[name]


def _check(*, bias: str, **counts: int) -> None:
    if bias not in ("spread", "intercept"):
        msg = f"bias={bias!r}: choose 'spread' or 'intercept'."
        raise InputError(msg)
    for name, count in counts.items():
        if count < 1:
            msg = f"{name}={count}: give a whole number of at least 1."
            raise InputError(msg)


def _whole_baseline(baseline: Any, pictures: Tensor, chosen: Method) -> Any:
    """Given baselines checked; one for each picture cannot be told apart from a background otherwise."""
    if isinstance(baseline, str) or not chosen.baseline:
        return baseline
    pixels = given_pictures(baseline)
    given = whole_pictures(pixels.reshape(-1, *pixels.shape[-3:]))
    if not chosen.background and len(given) not in (1, len(pictures)):
        msg = (
            f"baseline has {len(given)} pictures for {len(pictures)} images: give one for all, or one for "
            "each. A background of several is for the SHAP methods."
        )
        raise InputError(msg)
    return given


def _places(
    of: Subject, step: Step | None, pictures: Tensor, registration: Registered, chosen: Method, patch: int
) -> tuple[float, float]:
    """Where cell 0 looks, and how far on the next."""
    if step is None:
        return (patch / 2, float(patch)) if chosen.place == "blocks" else (0.5, 1.0)
    if not isinstance(registration, str):
        start, jump = registration
        return float(start), float(jump)
    known = _KNOWN.setdefault(of.body, {})
    key = (step.name, tuple(pictures.shape[1:]), registration)
    if key not in known:
        from geolivelihood.explanation.ground.registration import registration as find

        channels, height, width = key[1]
        with torch.inference_mode(False):
            found = find(of.body, step.module, size=(height, width), kind=registration, channels=channels)
        known[key] = (float(found.start), float(found.jump))
    return known[key]


def _all_batches(work: Work, chosen: Method, pictures: Tensor, name: str) -> Parts:
    found: list[list[Any]] = []
    given = work.baseline
    each = isinstance(given, Tensor) and len(given) == len(pictures) > 1
    own = each and not chosen.background
    with as_found(work.subject.network):
        for at in track(range(0, len(pictures), work.batch_size), f"attributing by {name}"):
            rows = slice(at, at + work.batch_size)
            part = replace(work, first=at, baseline=given[rows] if own else given)
            parts = chosen.run(part, picture_batch(work.subject.device, pictures[rows]))
            found.append([None if x is None else x.detach().cpu() for x in parts])
    maps, intercept, total, error = zip(*found)
    spread = None if error[0] is None else torch.cat(error)
    return Parts(torch.cat(maps), torch.cat(intercept), torch.cat(total), spread)


def _result(parts: Parts, asked: Question, **reference: Any) -> Attribution:
    """Parts in the unit of the target, with its origin in the intercept."""
    maps, total, intercept = (part.numpy() for part in (parts.maps, parts.total, parts.intercept))
    return Attribution(
        maps=maps,
        total=total + asked.offset,
        intercept=intercept + asked.offset,
        residual=total - intercept - maps.sum(axis=(1, 2)),
        target=asked.name,
        unit=asked.unit,
        error=None if parts.error is None else parts.error.numpy(),
        **reference,
    )
