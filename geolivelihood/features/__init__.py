"""Pictures to vectors: encoders, the feature store, object counts.

:func:`encoder` makes an encoder by name: any torchvision classification network, ``"rcf"`` (random
convolutional features, Rolf et al. 2021), ``"summary"`` (moments and quantiles of each band), or the folder
that :func:`save_pretrained` wrote.
:func:`embed` sends all pictures of a table through it into a :class:`FeatureStore`: decoded in worker
threads, resumed after a kill with the same result, corrupt pictures set aside with their reasons.
:func:`object_counts` counts the objects that a segmentation model found, :func:`count_features` brings them
to the cluster. Features are joined by ``image_id``,
never by position; averages over clusters and cells belong to :mod:`geolivelihood.cells`.
"""

from geolivelihood.features.backbones import Backbone, backbone_names, headless
from geolivelihood.features.embedding import embed
from geolivelihood.features.encoders import Encoder, encoder, fingerprint
from geolivelihood.features.loading import Loader
from geolivelihood.features.modules import encoder_module
from geolivelihood.features.objects import VISTAS_CLASSES, count_features, object_counts, read_object_counts
from geolivelihood.features.pictures import Picture, Reading, read_picture
from geolivelihood.features.pretrained import read_pretrained, read_pretrained_card, save_pretrained
from geolivelihood.features.rcf import RandomConvolutions, whitened_patches
from geolivelihood.features.store import FeatureStore
from geolivelihood.features.summary import BandSummary, band_summary
from geolivelihood.features.weights import WeightReport, load_weights, read_state

__all__ = [
    "VISTAS_CLASSES",
    "Backbone",
    "BandSummary",
    "Encoder",
    "FeatureStore",
    "Loader",
    "Picture",
    "RandomConvolutions",
    "Reading",
    "WeightReport",
    "backbone_names",
    "band_summary",
    "count_features",
    "embed",
    "encoder",
    "encoder_module",
    "fingerprint",
    "headless",
    "load_weights",
    "object_counts",
    "read_object_counts",
    "read_picture",
    "read_pretrained",
    "read_pretrained_card",
    "read_state",
    "save_pretrained",
    "whitened_patches",
]
