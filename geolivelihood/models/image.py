"""Estimators on the pictures of a cluster: a fine-tuned backbone, averaged to the cluster."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor
from torch.nn import functional

from geolivelihood.errors import InputError
from geolivelihood.features.backbones import headless
from geolivelihood.features.weights import is_weights_file, load_weights, published_state, read_state
from geolivelihood.models.image_network import ImageNetwork, cluster_mean
from geolivelihood.models.picture_batches import PictureBatches, PictureStore
from geolivelihood.models.rows import Floats, check_labels, check_target, check_weights
from geolivelihood.models.training import (
    History,
    Loss,
    TargetScale,
    holdout,
    network_arrays,
    restore_network,
    seeded,
    train,
    use_device,
)
from geolivelihood.progress import track

__all__ = ["ImageClassifier", "ImageRegressor"]

_log = logging.getLogger(__name__)
Pictures = Sequence[Sequence[str]]
_PREDICT_SIZE = 64


class _ImageEstimator(BaseEstimator):
    """Hyper-parameters and the training that regressor and classifier share."""

    network_: ImageNetwork
    history_: History
    _probabilities = False

    def __init__(
        self,
        *,
        backbone: str = "resnet18",
        weights: str = "random",
        size: int = 224,
        freeze: bool = False,
        max_pictures: int = 8,
        augment: bool = True,
        learning_rate: float = 3e-4,
        weight_decay: float = 1e-4,
        batch_size: int = 8,
        max_epochs: int = 10,
        patience: int = 3,
        validation_share: float = 0.15,
        max_rejected: float = 0.1,
        device: str = "auto",
        random_state: int | None = 0,
    ) -> None:
        self.backbone = backbone
        self.weights = weights
        self.size = size
        self.freeze = freeze
        self.max_pictures = max_pictures
        self.augment = augment
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_share = validation_share
        self.max_rejected = max_rejected
        self.device = device
        self.random_state = random_state

    def _fit(
        self,
        pictures: Pictures,
        target: npt.NDArray[Any],
        weights: Floats,
        *,
        outputs: int,
        loss: Loss,
        groups: npt.ArrayLike | None,
    ) -> None:
        if self.max_pictures < 1 or self.batch_size < 1:
            msg = (
                f"max_pictures and batch_size must be at least 1, got {self.max_pictures}, {self.batch_size}."
            )
            raise InputError(msg)
        with PictureStore.of(pictures, size=self.size, max_rejected=self.max_rejected) as store:
            self.rejected_ = store.rejected
            usable = _with_pictures(store)
            names = None if groups is None else np.asarray(groups)[usable]
            fit, held = holdout(
                len(usable), share=self.validation_share, seed=self.random_state, groups=names
            )
            y = torch.from_numpy(target)
            y, w = (y.float() if y.is_floating_point() else y), torch.from_numpy(weights).float()
            with seeded(self.random_state):
                self.network_ = self._network(outputs, weights=self.weights)
                self.network_.backbone.requires_grad_(not self.freeze)
                self.history_ = train(
                    self.network_,
                    PictureBatches(
                        store,
                        usable[fit],
                        y,
                        w,
                        size=self.batch_size,
                        most=self.max_pictures,
                        augment=self.augment,
                        seed=self.random_state,
                    ),
                    PictureBatches(store, usable[held], y, w, size=self.batch_size, most=self.max_pictures),
                    loss=loss,
                    max_epochs=self.max_epochs,
                    patience=self.patience,
                    learning_rate=self.learning_rate,
                    weight_decay=self.weight_decay,
                    text="fine-tuning the picture model",
                    device=self.device,
                    mixed=True,
                )

    def _network(self, outputs: int, *, weights: str | None) -> ImageNetwork:
        """Fresh network; ``weights=None`` leaves the backbone to be filled from a saved model."""
        # An encoder's own network will not do: it has its batch normalisation folded away, for inference.
        seed = 0 if self.random_state is None else self.random_state
        network, dim = headless(self.backbone, size=self.size, seed=seed)
        if weights not in (None, "random"):
            file = is_weights_file(weights)
            source, state = (
                (str(weights), read_state(weights)) if file else published_state(self.backbone, weights)
            )
            load_weights(network, state, source=source)
        # The faster layout on CPUs; a loaded network needs the same one to give the same sums.
        network = network.to(memory_format=torch.channels_last)
        return ImageNetwork(network, dim, outputs=outputs, probabilities=self._probabilities)

    def features(self, X: Pictures) -> Floats:
        """What the fine-tuned backbone sees at each place: its features, averaged over the pictures.

        Parameters
        ----------
        X
            For each place the paths of its pictures.

        Returns
        -------
        numpy.ndarray
            Shape (places, dim); NaN without a readable picture.
        """
        values, store = self._each_picture(X, ImageNetwork.embed)
        return self._place_means(values, store, probabilities=False)

    def photo_features(self, X: Pictures) -> list[Floats]:
        """As :meth:`features`, of every picture: per place an array (pictures, dim); NaN where unreadable."""
        values, store = self._each_picture(X, ImageNetwork.embed)
        whole = np.full((sum(map(len, X)), values.shape[1]), np.nan)
        whole[store.position] = values.numpy()
        return np.split(whole, np.cumsum([len(paths) for paths in X])[:-1]) if len(X) else []

    def _raw(self, pictures: Pictures) -> Floats:
        """Mean output per cluster over all its pictures, NaN for clusters without a readable one."""
        values, store = self._each_picture(pictures, ImageNetwork.pictures)
        return self._place_means(values, store, probabilities=self._probabilities)

    def _each_picture(
        self, pictures: Pictures, layer: Callable[[ImageNetwork, Tensor], Tensor]
    ) -> tuple[Tensor, PictureStore]:
        """Output of a layer for every readable picture, and which picture that is."""
        check_is_fitted(self)
        where = use_device(self.device)
        network = self.network_.to(where).eval()
        with (
            PictureStore.of(pictures, size=self.size, max_rejected=self.max_rejected) as store,
            torch.inference_mode(),
        ):
            chunks = store.chunks(_PREDICT_SIZE)
            parts = [
                layer(network, pixels.to(where)).double().cpu()
                for pixels in track(chunks, "predicting pictures")
            ]
            # Without a picture one of noughts says how wide the layer is.
            none = torch.zeros(1, 3, self.size, self.size, dtype=torch.uint8, device=where)
            parts = parts or [layer(network, none).double().cpu()[:0]]
        network.cpu()
        return torch.cat(parts), store

    def _place_means(self, values: Tensor, store: PictureStore, *, probabilities: bool) -> Floats:
        cluster = torch.from_numpy(store.cluster)
        mean = cluster_mean(values, cluster, store.clusters, probabilities=probabilities).numpy()
        mean[np.bincount(store.cluster, minlength=store.clusters) == 0] = np.nan
        return mean

    def _restore_network(self, arrays: Mapping[str, npt.NDArray[Any]], *, outputs: int) -> None:
        self.network_ = self._network(outputs, weights=None)
        restore_network(self.network_, arrays)


class ImageRegressor(RegressorMixin, _ImageEstimator):
    """Fine-tuned backbone with a linear head; the cluster's value is the mean over its pictures.

    A label belongs to the cluster and not to any one picture, so the loss is on the mean of the
    predictions of its pictures.

    Parameters
    ----------
    backbone
        Any torchvision classification network.
    weights
        ``"random"``, a local file, or torchvision's name (``"DEFAULT"``).
    size
        Side of the square input in pixels.
    freeze
        Train the head only.
    max_pictures
        Most pictures of a cluster that one step sees, drawn anew each epoch; prediction uses all.
    augment
        Mirror pictures left to right and shift and zoom them a little, while training.
    learning_rate, weight_decay, batch_size, max_epochs, patience
        Of the training; the batch counts clusters.
    validation_share
        Share of the clusters held out to choose the epoch.
    max_rejected
        Share of unreadable pictures above which everything stops.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"`` (bfloat16 where it has it).
    random_state
        Seed.

    Attributes
    ----------
    network_
        Network with its best weights.
    target_scale_
        Mean and standard deviation of the target.
    rejected_
        Unreadable pictures: ``path``, ``reason``.
    """

    def fit(
        self,
        X: Pictures,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        *,
        groups: npt.ArrayLike | None = None,
    ) -> Self:
        """Fine-tune.

        Parameters
        ----------
        X
            For each cluster the paths of its pictures. Clusters without a readable one are dropped with a
            warning.
        y
            Target per cluster.
        sample_weight
            Weight per cluster.
        groups
            Optional block of each cluster; blocks are held out whole.
        """
        target = check_target(y, rows=len(X))
        weights = check_weights(sample_weight, rows=len(X))
        self.target_scale_ = TargetScale.of(target, weights=weights)
        scaled = self.target_scale_.standardise(target)
        self._fit(X, scaled, weights, outputs=1, loss=_squared_error, groups=groups)
        return self

    def predict(self, X: Pictures) -> Floats:
        """Predict one value per cluster; NaN without a readable picture."""
        check_is_fitted(self)
        return self.target_scale_.restore(self._raw(X)[:, 0])

    def _state(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        return network_arrays(self.network_), {"target_scale": list(self.target_scale_)}

    def _restore(self, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> None:
        self.target_scale_ = TargetScale(*meta["target_scale"])
        self._restore_network(arrays, outputs=1)


class ImageClassifier(ClassifierMixin, _ImageEstimator):
    """Fine-tuned backbone; class probabilities are averaged over the pictures of a cluster.

    Parameters as in :class:`ImageRegressor`.
    """

    _probabilities = True

    def fit(
        self,
        X: Pictures,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        *,
        groups: npt.ArrayLike | None = None,
    ) -> Self:
        """Fine-tune on one label per cluster; see :meth:`ImageRegressor.fit`."""
        self.classes_, codes = check_labels(y, rows=len(X))
        weights = check_weights(sample_weight, rows=len(X))
        self._fit(X, codes, weights, outputs=len(self.classes_), loss=_log_loss, groups=groups)
        return self

    def predict_proba(self, X: Pictures) -> Floats:
        """Mean probability of each class, shape (clusters, classes); NaN without a readable picture."""
        check_is_fitted(self)
        shares = np.exp(self._raw(X))
        return shares / shares.sum(axis=1, keepdims=True)

    def predict(self, X: Pictures) -> npt.NDArray[Any]:
        """Most probable class of each cluster.

        Raises
        ------
        InputError
            If a cluster has no readable picture.
        """
        shares = self.predict_proba(X)
        empty = np.flatnonzero(np.isnan(shares).any(axis=1))
        if len(empty):
            msg = f"{len(empty)} clusters have no readable picture (first at row {empty[0]}). Leave them out."
            raise InputError(msg)
        return self.classes_[shares.argmax(axis=1)]

    def _state(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        return network_arrays(self.network_), {"classes": self.classes_}

    def _restore(self, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> None:
        self.classes_ = meta["classes"]
        self._restore_network(arrays, outputs=len(self.classes_))


def _with_pictures(store: PictureStore) -> npt.NDArray[np.int64]:
    counts = np.bincount(store.cluster, minlength=store.clusters)
    usable = np.flatnonzero(counts > 0)
    if len(usable) < store.clusters:
        _log.warning(
            "%d of %d clusters have no readable picture and are not trained on.",
            store.clusters - len(usable),
            store.clusters,
        )
    if len(usable) < 2:
        msg = f"{len(usable)} clusters have a readable picture; at least 2 are needed."
        raise InputError(msg)
    return usable


def _squared_error(predicted: Tensor, target: Tensor) -> Tensor:
    return (predicted[:, 0] - target) ** 2


def _log_loss(predicted: Tensor, target: Tensor) -> Tensor:
    return functional.nll_loss(predicted, target, reduction="none")
