"""The scores that maps explain, and pictures as networks take them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from geolivelihood.errors import InputError
from geolivelihood.explanation.attribution.baselines import whole_pictures
from geolivelihood.explanation.attribution.hooks import as_found
from geolivelihood.explanation.attribution.subject import Outputs, question, subject

__all__ = ["Scorer", "picture_batch", "picture_tensor", "scores"]

Floats = npt.NDArray[np.float64]


class Scorer:
    """Scores of some pictures and of changed versions of them, by the question put to the originals.

    A picture whose predicted class is explained keeps that class, whatever its changed versions would be
    taken for.

    Parameters
    ----------
    model, images, target, outputs
        As for :func:`attribute`.
    batch_size
        Pictures at a time.

    Attributes
    ----------
    pictures
        The originals as floats without holes, shape (n, bands, height, width).
    scores
        Their scores, shape (n,).
    """

    def __init__(
        self,
        model: Any,
        images: Any,
        *,
        target: Any = None,
        outputs: Outputs = "auto",
        batch_size: int = 32,
    ) -> None:
        self._of, self._size = subject(model, outputs=outputs), batch_size
        self.pictures = picture_batch(self._of.device, picture_tensor(images))
        answer = self._outputs(self.pictures)
        self._question = question(self._of, answer, target)
        self.weights = self._question.weights(answer)
        self.scores = self._scored(answer, self.weights)

    def __call__(self, pictures: Tensor, of: int | npt.NDArray[np.intp]) -> Floats:
        """Scores (m,) of changed versions of one original, or of one each, by position."""
        answer = self._outputs(pictures)
        return self._scored(answer, self.weights[of].expand(len(answer), -1))

    def _outputs(self, pictures: Tensor) -> Tensor:
        with as_found(self._of.network), torch.no_grad():
            # A loop over batches: activations of all pictures would not fit in memory.
            return torch.cat([self._of.forward(part) for part in pictures.split(self._size)])

    def _scored(self, answer: Tensor, weights: Tensor) -> Floats:
        return (self._question.score(answer, weights) + self._question.offset).cpu().numpy()


def scores(
    model: Any, images: Any, *, target: Any = None, outputs: Outputs = "auto", batch_size: int = 32
) -> Floats:
    """The scores (n,) that :func:`attribute` explains: log-odds, logits above the mean, or values."""
    return Scorer(model, images, target=target, outputs=outputs, batch_size=batch_size).scores


def picture_tensor(images: Any) -> Tensor:
    """Pictures as a tensor.

    Raises
    ------
    InputError
        If they are not of shape (n, bands, height, width), or none.
    """
    pictures = images.detach() if isinstance(images, Tensor) else torch.from_numpy(np.asarray(images))
    if pictures.ndim != 4 or not pictures.numel():
        msg = f"images has the shape {tuple(pictures.shape)}; (n, bands, height, width) is needed, n >= 1."
        raise InputError(msg)
    return pictures


def picture_batch(device: torch.device, pictures: Tensor) -> Tensor:
    """A batch as floats without holes, on the model's device, the channels last (faster on CPUs)."""
    with torch.inference_mode(False):
        moved = (pictures.clone() if pictures.is_inference() else pictures).to(device).float()
        return whole_pictures(moved).contiguous(memory_format=torch.channels_last)
