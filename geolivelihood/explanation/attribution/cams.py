"""Class activation maps of any network: Grad-CAM, Grad-CAM++, LayerCAM and Score-CAM."""

from __future__ import annotations

import torch
from torch import Tensor

from geolivelihood.explanation.attribution.baselines import baseline_pictures
from geolivelihood.explanation.attribution.hooks import tapped
from geolivelihood.explanation.attribution.work import Parts, Work

__all__ = ["grad_cam", "grad_cam_plus_plus", "grad_cam_plus_plus_exp", "layer_cam", "score_cam"]
__all__ += ["grad_cam_plus_plus_weights"]


def grad_cam(work: Work, pictures: Tensor) -> Parts:
    """Grad-CAM [1]_: Σ w_k A_k with the mean gradient of each channel as its weight, rectified.

    Unrectified, on a pooled linear head, its sum is the score less the bias.

    References
    ----------
    .. [1] Selvaraju et al. (2017), Grad-CAM, ICCV (arXiv:1610.02391).
    """
    activations, slope, asked, total = _differentiated(work, pictures)
    weights = slope.mean(dim=(2, 3))
    return Parts(_weighted(work, weights, activations), work.bias_term(asked), total)


def grad_cam_plus_plus(work: Work, pictures: Tensor) -> Parts:
    """Grad-CAM++ [2]_ as most implement it: without the factor e^Y, and g³ outside the sum over positions.

    References
    ----------
    .. [2] Chattopadhyay et al. (2018), Grad-CAM++, WACV (arXiv:1710.11063).
    """
    activations, slope, asked, total = _differentiated(work, pictures)
    weights = grad_cam_plus_plus_weights(activations, slope)
    return Parts(_weighted(work, weights, activations), work.bias_term(asked), total)


def grad_cam_plus_plus_exp(work: Work, pictures: Tensor) -> Parts:
    """The variant of Grad-CAM++ with Σ A g³ below the line and the weights times e^Y.

    e^Y makes a sure picture's map as large as you like: scores above about 700 overflow.
    """
    activations, slope, asked, total = _differentiated(work, pictures)
    weights = grad_cam_plus_plus_weights(activations, slope, inside=True) * total.exp()[:, None]
    return Parts(_weighted(work, weights, activations), work.bias_term(asked), total)


def layer_cam(work: Work, pictures: Tensor) -> Parts:
    """LayerCAM [3]_: each activation times its own gradient, rectified, so that early layers localise.

    References
    ----------
    .. [3] Jiang et al. (2021), LayerCAM, IEEE Transactions on Image Processing 30.
    """
    activations, slope, asked, total = _differentiated(work, pictures)
    weights = slope.relu() if work.rectify else slope
    maps = (weights * activations).sum(dim=1)
    return Parts(maps.relu() if work.rectify else maps, work.bias_term(asked), total)


def score_cam(work: Work, pictures: Tensor) -> Parts:
    """Score-CAM [4]_: channels weighted by the score of what they leave visible of the picture.

    What a channel hides becomes the baseline (``"zero"`` as published). One forward pass per channel.

    References
    ----------
    .. [4] Wang et al. (2020), Score-CAM, CVPR workshops (arXiv:1910.01279).
    """
    assert work.layer is not None
    with tapped(work.layer) as seen:
        asked, total = work.asked(pictures)
    activations = seen[0].double()
    empty = baseline_pictures(pictures, work.baseline).expand_as(pictures)
    size = (int(pictures.shape[2]), int(pictures.shape[3]))
    # One picture at a time: its channels already make a batch of hundreds.
    weights = torch.stack(
        [
            _channel_scores(work, own, hidden, maps, row[None], size).softmax(dim=0)
            for own, hidden, maps, row in zip(pictures, empty, activations, asked)
        ]
    )
    return Parts(_weighted(work, weights, activations), work.bias_term(asked), total)


def grad_cam_plus_plus_weights(activations: Tensor, slope: Tensor, *, inside: bool = False) -> Tensor:
    r"""Weights (n, K) of the channels: :math:`\sum \alpha\,\mathrm{ReLU}(g)`.

    :math:`\alpha = g^2 / (2 g^2 + g^3 \sum_{ab} A_{ab})`, 0 where g = 0; with ``inside`` the sum is
    :math:`\sum_{ab} A_{ab} g_{ab}^3`.

    Parameters
    ----------
    activations, slope
        A and the gradient g of the score, shape (n, K, H, W).
    inside
        Whether g³ stands inside the sum.
    """
    spread = (activations * slope**3) if inside else activations
    total = spread.sum(dim=(2, 3), keepdim=True)
    below = 2 * slope**2 + (total if inside else total * slope**3)
    alpha = torch.where((slope != 0) & (below != 0), slope**2 / below, 0.0)
    return (alpha * slope.relu()).sum(dim=(2, 3))


def _differentiated(work: Work, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Activations of the layer, gradient of the score there, weights of the outputs and score.

    Only what follows the layer is differentiated, and nothing before it is kept.
    """
    assert work.layer is not None
    with tapped(work.layer, leaf=True) as seen:
        outputs = work.subject.forward(pictures)
    asked = work.question.weights(outputs.detach())
    total = work.question.score(outputs, asked)
    (slope,) = torch.autograd.grad(total.sum(), seen[0])
    return seen[0].detach().double(), slope.double(), asked, total.detach()


def _weighted(work: Work, weights: Tensor, activations: Tensor) -> Tensor:
    maps = torch.einsum("nk,nkhw->nhw", weights, activations)
    return maps.relu() if work.rectify else maps


def _channel_scores(
    work: Work, picture: Tensor, hidden: Tensor, maps: Tensor, asked: Tensor, size: tuple[int, int]
) -> Tensor:
    """Score (K,) of a picture that shows only what each of its channels marks."""
    found = []
    for at in range(0, len(maps), work.batch_size):
        part = work.enlarged(maps[at : at + work.batch_size], size)
        low, high = part.amin(dim=(1, 2), keepdim=True), part.amax(dim=(1, 2), keepdim=True)
        shown = torch.where(high > low, (part - low) / (high - low), 0.0)[:, None].to(picture)
        found.append(work.scores(hidden + shown * (picture - hidden), asked))
    return torch.cat(found)
