"""Image-wise models: every photo carries its cluster's label, the cluster is the majority of its photos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torchvision
from sklearn.metrics import r2_score
from torch import Tensor, nn
from torch.nn import functional

from geolivelihood.errors import InputError, TooManyRejectedError
from geolivelihood.features.pictures import Reading, read_picture
from geolivelihood.features.weights import is_weights_file, load_weights, published_state, read_state
from geolivelihood.models.paper.divergence import check_finite
from geolivelihood.models.rows import Floats, check_target
from geolivelihood.models.training import seeded, use_device
from geolivelihood.progress import checkpoint, track

__all__ = ["ImageTrace", "fit_imagewise", "image_network", "majority_vote"]

_BACKBONES = ("resnet18", "resnet34")
_THREADS = 4


class ImageTrace(NamedTuple):
    """How an image-wise training went.

    Attributes
    ----------
    scores
        Accuracy or R² over the validation photos after each epoch.
    epoch
        The epoch that was kept: the best, the later one of equals.
    prediction
        Class or value of every validation photo at that epoch; NaN where it could not be read.
    rejected
        Pictures that could not be read, with the reason.
    """

    scores: list[float]
    epoch: int
    prediction: Floats
    rejected: dict[str, str]


def image_network(
    backbone: str = "resnet34", *, classes: bool, weights: str = "IMAGENET1K_V1", seed: int = 0
) -> nn.Module:
    """ResNet with the published head: two classes, or one number through tanh.

    Parameters
    ----------
    backbone
        ``resnet34`` or ``resnet18``.
    classes
        Linear(512, 2), or else Linear(512, 1) and tanh for a target in −1 ... 1.
    weights
        Start: torchvision's name, a file, or ``random``.
    seed
        Seed of the head (and of a random start).

    Raises
    ------
    InputError
        If the backbone is another.
    EnvironmentMissingError
        If the weights are not on this machine and cannot be fetched.
    """
    if backbone not in _BACKBONES:
        msg = f"backbone={backbone!r}: published are {' and '.join(_BACKBONES)}."
        raise InputError(msg)
    with seeded(seed):
        network = torchvision.models.get_model(backbone, weights=None)
        network.fc = nn.Identity()
        if weights != "random":
            file = is_weights_file(weights)
            source, state = (weights, read_state(weights)) if file else published_state(backbone, weights)
            load_weights(network, state, source=source)
        head = nn.Linear(512, 2 if classes else 1)
        network.fc = head if classes else nn.Sequential(head, nn.Tanh())
    return network


def majority_vote(classes: npt.ArrayLike, cluster: npt.ArrayLike, *, clusters: int) -> Floats:
    """Most frequent class of the photos of each cluster; of equals the one seen first in row order.

    Parameters
    ----------
    classes
        Class of each photo, whole numbers; NaN does not vote.
    cluster
        Cluster of each photo, 0 ... clusters − 1.
    clusters
        Number of clusters.

    Returns
    -------
    numpy.ndarray
        Class per cluster, NaN without a vote.
    """
    votes, owner = np.asarray(classes, dtype=float), np.asarray(cluster, dtype=np.int64)
    rows = np.flatnonzero(np.isfinite(votes))
    keys = np.stack([owner[rows], votes[rows].astype(np.int64)])
    found, first, count = np.unique(keys, axis=1, return_index=True, return_counts=True)
    # within a cluster the most votes come first, then the class that was seen first
    order = np.lexsort([first, -count, found[0]])
    winner = order[np.unique(found[0][order], return_index=True)[1]]
    result = np.full(clusters, np.nan)
    result[found[0][winner]] = found[1][winner]
    return result


def fit_imagewise(
    network: nn.Module,
    train: Sequence[str],
    y: npt.ArrayLike,
    validation: Sequence[str],
    y_validation: npt.ArrayLike,
    *,
    classes: bool,
    epochs: int = 10,
    batch_size: int = 256,
    learning_rate: float = 1e-3,
    weight_decay: float = 1e-6,
    size: int = 224,
    max_rejected: float = 0.1,
    device: str = "auto",
    seed: int = 0,
) -> ImageTrace:
    """Train an image-wise model as published, in place: it keeps the weights of its best epoch.

    Pixels are 0-255 as they are, neither normalised nor augmented. The photos are shuffled once and then
    come in that order in every epoch.

    Parameters
    ----------
    network
        From :func:`image_network`.
    train, validation
        Picture files, one per photo.
    y, y_validation
        Label of each photo's cluster: 0 or 1, or a number in −1 ... 1.
    classes
        Cross-entropy, or else squared error.
    epochs, batch_size, learning_rate, weight_decay
        Of Adam. For regression the published commands use a rate of 1e-4.
    size
        Side of the pictures in pixels.
    max_rejected
        Share of unreadable pictures above which the training stops.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    seed
        Seed of the order.

    Returns
    -------
    ImageTrace
        Scores by epoch and the predictions at the best.

    Raises
    ------
    InputError
        If targets do not fit, no validation picture can be read, or the training diverges.
    TooManyRejectedError
        If more pictures than ``max_rejected`` cannot be read.
    """
    target = check_target(y, rows=len(train))
    truth = check_target(y_validation, rows=len(validation), least=1)
    order = np.random.default_rng(seed).permutation(len(train))
    reader = _Reader(size, allowed=max_rejected * (len(train) + len(validation)))
    where = use_device(device)
    network.to(where)
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate, weight_decay=weight_decay)
    scores: list[float] = []
    best: tuple[int, Floats, dict[str, Tensor]] | None = None
    # A plain loop, not Lightning's: one fixed order, no sampler, and the later of equal epochs is kept.
    for epoch in track(range(epochs), "training the image-wise model"):
        network.train()
        for pixels, rows in reader.batches(train, order, batch_size):
            optimiser.zero_grad()
            loss = _loss(network(pixels.to(where)), target[rows], classes)
            check_finite(loss.detach(), f"the loss of epoch {epoch + 1}")
            loss.backward()
            optimiser.step()
        prediction = _predict(network, reader, validation, batch_size, where)
        scores.append(_score(truth, prediction, classes))
        if best is None or scores[-1] >= scores[best[0]]:
            best = epoch, prediction, {k: v.clone() for k, v in network.state_dict().items()}
    if best is None:
        msg = f"epochs={epochs}: train for at least one."
        raise InputError(msg)
    network.load_state_dict(best[2])
    network.cpu().eval()
    return ImageTrace(scores, best[0], best[1], reader.reasons)


class _Reader:
    """Pictures batch by batch: a country's photos fit neither in memory nor, decoded, on most disks."""

    def __init__(self, size: int, *, allowed: float) -> None:
        self.reading = Reading(size=size, enlarge=True)
        self.allowed = allowed
        self.reasons: dict[str, str] = {}

    def batches(
        self, paths: Sequence[str], order: npt.NDArray[np.int64], size: int
    ) -> Iterator[tuple[Tensor, npt.NDArray[np.int64]]]:
        """Pixels (n, 3, side, side), 0-255, and the rows they are of; unreadable ones are left out."""
        with ThreadPoolExecutor(_THREADS) as pool:
            for rows in _cut(order, size):
                checkpoint()
                pictures = list(pool.map(self._read, (paths[row] for row in rows)))
                good = np.array([picture is not None for picture in pictures])
                if len(self.reasons) > self.allowed:
                    path, reason = next(iter(self.reasons.items()))
                    msg = (
                        f"{len(self.reasons)} pictures cannot be read, too many. The first: {path}: {reason}."
                    )
                    raise TooManyRejectedError(msg)
                if good.any():
                    pixels = np.stack([picture for picture in pictures if picture is not None])
                    yield torch.from_numpy(pixels).float(), rows[good]

    def _read(self, path: str) -> npt.NDArray[np.uint8] | None:
        try:
            pixels = read_picture(path, self.reading).pixels
            if pixels.dtype != np.uint8 or len(pixels) != 3:
                msg = f"{len(pixels)} bands of {pixels.dtype} instead of 3 of uint8"
                raise InputError(msg)
        # Decoders raise anything on hostile bytes; whatever it is, the picture is set aside with it.
        except Exception as error:
            self.reasons[str(path)] = f"{type(error).__name__}: {error}"
            return None
        return pixels


def _cut(order: npt.NDArray[np.int64], size: int) -> list[npt.NDArray[np.int64]]:
    """Batches; a last photo that is alone joins the one before, for one value has no moments."""
    cuts = np.arange(size, len(order), size)
    return np.split(order, cuts[:-1] if len(cuts) and len(order) - cuts[-1] == 1 else cuts)


def _predict(
    network: nn.Module, reader: _Reader, paths: Sequence[str], size: int, where: torch.device
) -> Floats:
    network.eval()
    result = np.full(len(paths), np.nan)
    with torch.inference_mode():
        for pixels, rows in reader.batches(paths, np.arange(len(paths)), size):
            answer = network(pixels.to(where))
            check_finite(answer, "a prediction")
            answer = answer.argmax(dim=1) if answer.shape[1] > 1 else answer[:, 0]
            result[rows] = answer.double().cpu().numpy()
    return result


def _loss(predicted: Tensor, target: Floats, classes: bool) -> Tensor:
    wanted = torch.from_numpy(target).to(predicted.device)
    if classes:
        return functional.cross_entropy(predicted, wanted.long())
    return functional.mse_loss(predicted[:, 0], wanted.float())


def _score(truth: Floats, prediction: Floats, classes: bool) -> float:
    seen = np.isfinite(prediction)
    if not seen.any():
        msg = "Not one validation picture could be read."
        raise InputError(msg)
    if classes:
        return float((truth[seen] == prediction[seen]).mean())
    return float(r2_score(truth[seen], prediction[seen]))
