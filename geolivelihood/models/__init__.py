"""Estimators in the dialect of scikit-learn, from honest baselines to the map itself.

What each learns from: :class:`MeanRegressor` and :class:`MajorityClassifier` nothing;
:class:`GeodesicKNN`, :class:`InverseDistance` and :class:`GaussianProcess` coordinates;
:class:`RidgeRegressor` and :class:`BoostingRegressor` features; :class:`GraphRegressor` the graph of a
cluster's photos; :class:`ImageRegressor` the pictures themselves; and :class:`CellRegressor` the cells that a
displaced cluster may lie in, which makes it the map. :class:`BlockEnsemble` refits any of them on resampled
districts, and :class:`FayHerriot` joins the map's means of areas with the survey's own.

Every ``X`` can be cut by row with :func:`take`, so that one cross-validation serves all. :func:`save` and
:func:`load` keep a model as safetensors and a card, never as pickle.
"""

from geolivelihood.models.baselines import GeodesicKNN, InverseDistance, MajorityClassifier, MeanRegressor
from geolivelihood.models.boosting import BoostingClassifier, BoostingRegressor, boosting
from geolivelihood.models.cards import load, read_card, save
from geolivelihood.models.cell import CellRegressor
from geolivelihood.models.cross_fitting import CrossFitted
from geolivelihood.models.ensemble import BlockEnsemble
from geolivelihood.models.fay_herriot import FayHerriot
from geolivelihood.models.gaussian_process import GaussianProcess
from geolivelihood.models.graph import GraphClassifier, GraphRegressor
from geolivelihood.models.image import ImageClassifier, ImageRegressor
from geolivelihood.models.ridge import RidgeRegressor, ridge
from geolivelihood.models.rows import row_count, take

__all__ = [
    "BlockEnsemble",
    "BoostingClassifier",
    "BoostingRegressor",
    "CellRegressor",
    "CrossFitted",
    "FayHerriot",
    "GaussianProcess",
    "GeodesicKNN",
    "GraphClassifier",
    "GraphRegressor",
    "ImageClassifier",
    "ImageRegressor",
    "InverseDistance",
    "MajorityClassifier",
    "MeanRegressor",
    "RidgeRegressor",
    "boosting",
    "load",
    "read_card",
    "ridge",
    "row_count",
    "save",
    "take",
]
