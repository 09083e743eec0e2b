"""Groups of pictures that a network sees alike: clusters of features, how many there are, who is typical."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClusterMixin, clone
from sklearn.cluster import HDBSCAN, KMeans, SpectralClustering
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.metrics import adjusted_rand_score, silhouette_samples, silhouette_score
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

from geolivelihood.errors import InputError
from geolivelihood.extras import require
from geolivelihood.progress import track

__all__ = ["FeatureClusters", "cluster_examples", "curve_knee", "embedding_coordinates"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Method = Literal["kmeans", "gmm", "spectral", "hdbscan"]
Layout = Literal["tsne", "umap"]

_METHODS = ("kmeans", "gmm", "spectral", "hdbscan")
_SCALERS = {"standard": StandardScaler, "minmax": MinMaxScaler, "none": None}
_NEIGHBOURS = 10  # of the spectral graph
_SILHOUETTE_ROWS = 10_000  # the silhouette looks at all pairs


class FeatureClusters(ClusterMixin, BaseEstimator):
    """Clusters of pictures by their features, fitted on some and predicted for others.

    Features are scaled and projected to their principal components first: in hundreds of dimensions all
    distances are alike, and the covariance of a mixture has more parameters than there are pictures. The
    number of clusters is a choice, not a finding: :attr:`curve_` shows what each would have meant.

    Parameters
    ----------
    method
        ``"kmeans"``, ``"gmm"`` (Gaussian mixture), ``"spectral"`` (graph of 10 nearest neighbours) or
        ``"hdbscan"``, which finds the number itself and leaves outliers as −1.
    k
        Number of clusters; ``"silhouette"`` takes the number with the largest mean silhouette, ``"bic"``
        (mixtures only) the smallest BIC.
    choices
        Numbers to choose among and to draw the curve over.
    scaling
        ``"standard"``, ``"minmax"`` (as published) or ``"none"``.
    components
        Principal components to keep: a number, a share of the variance, or ``None`` for all features.
    covariance
        Of mixtures: ``"diag"``, ``"full"``, ``"tied"`` or ``"spherical"``.
    min_size
        Smallest cluster of HDBSCAN.
    stability_draws
        Pairs of bootstrap samples whose clusterings are compared for ``stability`` on the curve; 0 for none.
    n_init
        Starts of k-means and of the mixture.
    random_state
        Seed.

    Attributes
    ----------
    labels_
        Cluster of each picture, 0 the largest, −1 an outlier.
    k_
        Number of clusters.
    curve_
        One line per number tried: ``k, silhouette``, ``inertia`` (k-means), ``bic, aic`` (mixtures),
        ``stability`` (mean adjusted Rand index of two bootstrap fits). Empty for HDBSCAN.
    silhouette_
        Of each picture; NaN for outliers, and with one cluster.
    centres_
        Mean components of each cluster, shape (k, components).
    pipeline_
        Scaling and projection.
    """

    def __init__(
        self,
        *,
        method: Method = "kmeans",
        k: int | str = "silhouette",
        choices: Iterable[int] = range(2, 11),
        scaling: Literal["standard", "minmax", "none"] = "standard",
        components: int | float | None = 0.9,
        covariance: str = "diag",
        min_size: int = 10,
        stability_draws: int = 0,
        n_init: int = 10,
        random_state: int = 0,
    ) -> None:
        self.method = method
        self.k = k
        self.choices = choices
        self.scaling = scaling
        self.components = components
        self.covariance = covariance
        self.min_size = min_size
        self.stability_draws = stability_draws
        self.n_init = n_init
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: Any = None) -> Self:
        """Find the clusters of features X, shape (pictures, d).

        Raises
        ------
        InputError
            If features are not finite, there are fewer pictures than clusters, or an option is unknown.
        """
        values = _features(X)
        self._check(len(values))
        self.pipeline_ = self._pipeline(values)
        z = np.asarray(self.pipeline_.fit_transform(values), dtype=np.float64)
        self.n_features_in_ = values.shape[1]
        self.curve_ = pd.DataFrame(columns=["k", "silhouette"])
        if self.method == "hdbscan":
            found = HDBSCAN(min_cluster_size=self.min_size, copy=True).fit_predict(z)
        else:
            if isinstance(self.k, str):
                self.curve_ = self._curve(z)
                by = self.curve_["bic"].mul(-1) if self.k == "bic" else self.curve_["silhouette"]
                k = int(self.curve_["k"].iloc[int(by.to_numpy().argmax())])
            else:
                k = int(self.k)
            self.model_ = self._model(k)
            found = self.model_.fit_predict(z)
        return self._keep(z, found)

    def predict(self, X: npt.ArrayLike) -> Ints:
        """Cluster of each picture by features X, shape (pictures, d).

        Mixtures answer by probability; the others by the nearest centre, since spectral clustering and
        HDBSCAN have no rule for pictures that they have not seen.
        """
        z = self.transform(X)
        if not self.k_:
            return np.full(len(z), -1)
        if self.method == "gmm":
            return self._order[self.model_.predict(z)]
        return self._distances(z).argmin(axis=1)

    def transform(self, X: npt.ArrayLike) -> Floats:
        """Scaled and projected features, shape (pictures, components)."""
        check_is_fitted(self, "pipeline_")
        values = _features(X)
        if values.shape[1] != self.n_features_in_:
            msg = f"There are {values.shape[1]} features; the clusters were found with {self.n_features_in_}."
            raise InputError(msg)
        return np.asarray(self.pipeline_.transform(values), dtype=np.float64)

    def distances(self, X: npt.ArrayLike) -> Floats:
        """Distance of each picture from each centre, shape (pictures, k), among the components."""
        return self._distances(self.transform(X))

    def _pipeline(self, values: Floats) -> Pipeline:
        scaler = _SCALERS[self.scaling]
        steps: list[Any] = [] if scaler is None else [scaler()]
        if self.components is not None:
            most = min(values.shape)
            count = min(self.components, most) if self.components >= 1 else self.components
            steps.append(PCA(count if count < 1 else int(count), svd_solver="full"))
        return make_pipeline(*steps or ["passthrough"])

    def _curve(self, z: Floats) -> pd.DataFrame:
        numbers = [int(k) for k in self.choices if 2 <= k < len(z)]
        if not numbers:
            msg = f"No number of clusters to choose among for {len(z)} pictures. Give choices from 2 on."
            raise InputError(msg)
        lines = []
        for k in track(numbers, "trying numbers of clusters"):
            model = self._model(k)
            found = model.fit_predict(z)
            line = {"k": k, "silhouette": _mean_silhouette(z, found, self.random_state)}
            if self.method == "kmeans":
                line["inertia"] = float(model.inertia_)
            if self.method == "gmm":
                line |= {"bic": float(model.bic(z)), "aic": float(model.aic(z))}
            if self.stability_draws:
                line["stability"] = self._stability(z, k)
            lines.append(line)
        return pd.DataFrame(lines)

    def _stability(self, z: Floats, k: int) -> float:
        """Mean adjusted Rand index, over all pictures, of models of two bootstrap samples each."""
        random = np.random.default_rng(self.random_state)
        scores = []
        for _ in range(self.stability_draws):
            pair = []
            for _side in range(2):
                rows = np.unique(random.integers(len(z), size=len(z)))
                found = clone(self._model(k)).fit_predict(z[rows])
                pair.append(_squared(z, _means(z[rows], found)).argmin(axis=1))
            scores.append(adjusted_rand_score(*pair))
        return float(np.mean(scores))

    def _model(self, k: int) -> Any:
        if self.method == "gmm":
            return GaussianMixture(
                k, covariance_type=self.covariance, n_init=self.n_init, max_iter=500,
                random_state=self.random_state,
            )  # fmt: skip
        if self.method == "spectral":
            return _Spectral(k, self.n_init, self.random_state)
        return KMeans(k, n_init=self.n_init, max_iter=500, random_state=self.random_state)

    def _keep(self, z: Floats, found: Ints) -> Self:
        """Number the clusters by size, the largest first, equal ones as they come."""
        names, first, sizes = np.unique(found[found >= 0], return_index=True, return_counts=True)
        rank = names[np.lexsort((first, -sizes))]
        self._order = np.zeros(int(names.max(initial=-1)) + 1, dtype=np.intp)
        self._order[rank] = np.arange(len(rank))
        self.labels_ = np.where(found >= 0, self._order[np.maximum(found, 0)] if len(names) else -1, -1)
        self.k_ = len(rank)
        self.centres_ = _means(z, self.labels_)
        self.silhouette_ = np.full(len(z), np.nan)
        inside = self.labels_ >= 0
        if self.k_ > 1 and self.k_ < inside.sum():
            self.silhouette_[inside] = silhouette_samples(z[inside], self.labels_[inside])
        return self

    def _distances(self, z: Floats) -> Floats:
        return np.sqrt(_squared(z, self.centres_))

    def _check(self, n: int) -> None:
        if self.method not in _METHODS or self.scaling not in _SCALERS:
            msg = (
                f"method={self.method!r}, scaling={self.scaling!r}: choose among {', '.join(_METHODS)}, and "
                f"among {', '.join(_SCALERS)}."
            )
            raise InputError(msg)
        if isinstance(self.k, str):
            known = ("silhouette", "bic") if self.method == "gmm" else ("silhouette",)
            if self.k not in known:
                msg = f"k={self.k!r} with {self.method}: give a number, or {' or '.join(known)}."
                raise InputError(msg)
        elif self.method != "hdbscan" and not 1 <= int(self.k) <= n:
            msg = f"k={self.k}: with {n} pictures give 1 to {n} clusters."
            raise InputError(msg)
        if n < 3:
            msg = f"There are {n} pictures; clusters need at least 3."
            raise InputError(msg)


class _Spectral(BaseEstimator):
    """Spectral clustering with the graph that so few pictures allow."""

    def __init__(self, k: int, n_init: int, random_state: int) -> None:
        self.k, self.n_init, self.random_state = k, n_init, random_state

    def fit_predict(self, z: Floats) -> Ints:
        model = SpectralClustering(
            self.k, affinity="nearest_neighbors", n_neighbors=min(_NEIGHBOURS, len(z)), n_init=self.n_init,
            random_state=self.random_state, assign_labels="kmeans",
        )  # fmt: skip
        with warnings.catch_warnings():  # a graph in several parts is what clusters look like
            warnings.filterwarnings("ignore", message="Graph is not fully connected")
            return model.fit_predict(z)


def curve_knee(values: npt.ArrayLike) -> tuple[int, float]:
    """Knee of a falling curve (inertia over 1, 2, 3 ... clusters): where it lies deepest below its chord.

    Both axes are scaled to [0, 1] and the difference from the chord is largest at the knee [1]_.

    Returns
    -------
    tuple
        Position (0 is the first), and the difference there.

    References
    ----------
    .. [1] Satopää et al. (2011), "Finding a kneedle in a haystack", ICDCS Workshops.

    Examples
    --------
    >>> position, difference = curve_knee([100, 60, 35, 25, 20, 17, 15, 14])
    >>> position + 1, round(difference, 9)
    (3, 0.470099668)
    """
    y = np.asarray(values, dtype=np.float64)
    if y.ndim != 1 or len(y) < 3 or not np.isfinite(y).all() or y.max() == y.min():
        msg = f"A knee needs at least three finite values that differ, got {y.tolist()}."
        raise InputError(msg)
    difference = 1 - np.linspace(0, 1, len(y)) - (y - y.min()) / (y.max() - y.min())
    return int(difference.argmax()), float(difference.max())


def embedding_coordinates(
    features: npt.ArrayLike,
    *,
    method: Layout = "tsne",
    perplexity: float = 30.0,
    max_iter: int = 1000,
    random_state: int = 0,
) -> Floats:
    """Coordinates of features in the plane, for display: distances between far groups mean nothing.

    Parameters
    ----------
    features
        Shape (pictures, d); at most 50 principal components are used.
    method
        ``"tsne"``; or ``"umap"`` (extra ``explain``), faster where there are tens of thousands of pictures.
    perplexity, max_iter
        Of t-SNE: effective number of neighbours, at most a third of the pictures (UMAP takes half as many);
        iterations.
    random_state
        Seed; started from principal components, so that runs agree.

    Returns
    -------
    numpy.ndarray
        Shape (pictures, 2).
    """
    x = _features(features)
    if method not in ("tsne", "umap") or len(x) < 4:
        msg = f"method={method!r}, {len(x)} pictures: choose 'tsne' or 'umap', and give at least 4 pictures."
        raise InputError(msg)
    if min(x.shape) > 50:
        x = PCA(50, random_state=random_state).fit_transform(x)
    init: Any = "pca" if x.shape[1] > 1 else "random"
    if method == "umap":
        near, umap = int(np.clip(perplexity / 2, 2, len(x) - 1)), require("umap", extra="explain")
        model = umap.UMAP(n_neighbors=near, init=init, random_state=random_state, n_jobs=1)
    else:
        width = min(perplexity, max((len(x) - 1) / 3, 1.0))
        model = TSNE(2, perplexity=width, init=init, max_iter=max_iter, random_state=random_state)
    return np.asarray(model.fit_transform(x), dtype=np.float64)


def cluster_examples(
    distances: npt.ArrayLike, labels: npt.ArrayLike, *, ids: npt.ArrayLike, n: int = 12
) -> pd.DataFrame:
    """The pictures nearest to the centre of their cluster, which show what it is, and the farthest.

    Parameters
    ----------
    distances
        Of each picture from each centre, shape (pictures, k) (:meth:`FeatureClusters.distances`).
    labels
        Cluster of each picture; −1 is left out.
    ids
        ``image_id`` of each picture.
    n
        Examples of each kind; small clusters have fewer, and none is both near and far.

    Returns
    -------
    pandas.DataFrame
        ``cluster, kind`` (``nearest``, ``farthest``), ``rank, image_id, distance``.
    """
    away, cluster, names = np.asarray(distances), np.asarray(labels), np.asarray(ids)
    if away.ndim != 2 or not len(away) == len(cluster) == len(names) or n < 1:
        msg = f"distances {away.shape}, {len(cluster)} labels, {len(names)} ids, n={n}: do not fit."
        raise InputError(msg)
    rows = np.flatnonzero(cluster >= 0)
    own = away[rows, cluster[rows]]
    order = np.lexsort((np.arange(len(rows)), own, cluster[rows]))
    table = pd.DataFrame(
        {"cluster": cluster[rows][order], "image_id": names[rows][order], "distance": own[order]}
    )
    group = table.groupby("cluster")
    near, far = group.cumcount(), group.cumcount(ascending=False)
    table["kind"] = np.where(near <= far, "nearest", "farthest")
    table["rank"] = np.minimum(near, far)
    kept = table[table["rank"] < n].sort_values(["cluster", "kind", "rank"], ascending=[True, False, True])
    return kept[["cluster", "kind", "rank", "image_id", "distance"]].reset_index(drop=True)


def _features(values: npt.ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or not np.isfinite(array).all():
        msg = f"Features must be finite, shape (pictures, d); they have shape {array.shape}."
        raise InputError(msg)
    return array


def _means(z: Floats, labels: Ints) -> Floats:
    names = np.unique(labels[labels >= 0])
    return np.array([z[labels == name].mean(axis=0) for name in names]).reshape(len(names), z.shape[1])


def _squared(z: Floats, centres: Floats) -> Floats:
    squared = (z**2).sum(axis=1)[:, None] - 2 * z @ centres.T + (centres**2).sum(axis=1)
    return np.maximum(squared, 0.0)


def _mean_silhouette(z: Floats, labels: Ints, seed: int) -> float:
    if not 1 < len(np.unique(labels)) < len(labels):
        return np.nan
    few = _SILHOUETTE_ROWS if len(z) > _SILHOUETTE_ROWS else None
    return float(silhouette_score(z, labels, sample_size=few, random_state=seed))
