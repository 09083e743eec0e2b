"""Encoders that learn from places: without labels, or by the order of an outcome; and what they are worth.

:class:`MoCoModule` is MoCo-v2 as a family with two switches: temporal positives (the pairs of
:class:`PlacePairs`: one place at two times) and geography (the labels of :func:`sphere_labels` or
:func:`cell_labels`). :class:`RankModule` orders an embedding by an outcome (Rank-N-Contrast),
:class:`SupervisedModule` is the baseline beside it. :class:`Views` are their batches, :func:`run_training`
trains them: on one device or several, resumed in the middle of an epoch.

:func:`probe` says what a frozen encoder knows of a label, :class:`FineTuneClassifier` and
:class:`FineTuneRegressor` train it on, :class:`Detector` and :class:`Segmenter` find things and map classes
with it. :func:`import_checkpoint` brings in published encoders. An encoder leaves as a folder
(:func:`~geolivelihood.features.save_pretrained`) whose path is its name.

Each name is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geolivelihood.pretraining.augmentations import (
        Augmentation,
        moco_augmentation,
        overhead_augmentation,
        plain,
        rank_augmentation,
    )
    from geolivelihood.pretraining.checkpoints import Imported, detectron_names, import_checkpoint
    from geolivelihood.pretraining.contrast import contrast_logits, info_nce, ml_cpc
    from geolivelihood.pretraining.finetune import (
        FineTuneClassifier,
        FineTuneRegressor,
        load_finetuned,
        paper_probe,
    )
    from geolivelihood.pretraining.frozen import Frozen
    from geolivelihood.pretraining.geography import (
        GeoLabels,
        cell_labels,
        degree_labels,
        nearest_labels,
        sphere_labels,
    )
    from geolivelihood.pretraining.moco_module import MoCoModule
    from geolivelihood.pretraining.monitors import KnnMonitor, ProbeMonitor
    from geolivelihood.pretraining.neighbours import (
        EmbeddingNeighboursClassifier,
        EmbeddingNeighboursRegressor,
    )
    from geolivelihood.pretraining.pairs import Pairs, PlacePairs, SamePicture
    from geolivelihood.pretraining.picture_cache import cache_pictures
    from geolivelihood.pretraining.presets import PAPER, SMALL_DATA
    from geolivelihood.pretraining.probes import AbsoluteProbe, LogisticProbe, RidgeProbe, probe, probe_splits
    from geolivelihood.pretraining.queue import Origin
    from geolivelihood.pretraining.rank_module import RANK_PRESETS, RankModule, SupervisedModule
    from geolivelihood.pretraining.rank_n_contrast import rank_n_contrast_loss
    from geolivelihood.pretraining.schedules import Optimisation
    from geolivelihood.pretraining.starting import few_labels
    from geolivelihood.pretraining.training import TrainingResult, run_training
    from geolivelihood.pretraining.transfer import Detector, Segmenter
    from geolivelihood.pretraining.views import ViewBatch, Views
    from geolivelihood.pretraining.votes import temporal_scores, temporal_vote

__all__ = [
    "PAPER",
    "RANK_PRESETS",
    "SMALL_DATA",
    "AbsoluteProbe",
    "Augmentation",
    "Detector",
    "EmbeddingNeighboursClassifier",
    "EmbeddingNeighboursRegressor",
    "FineTuneClassifier",
    "FineTuneRegressor",
    "Frozen",
    "GeoLabels",
    "Imported",
    "KnnMonitor",
    "LogisticProbe",
    "MoCoModule",
    "Optimisation",
    "Origin",
    "Pairs",
    "PlacePairs",
    "ProbeMonitor",
    "RankModule",
    "RidgeProbe",
    "SamePicture",
    "Segmenter",
    "SupervisedModule",
    "TrainingResult",
    "ViewBatch",
    "Views",
    "cache_pictures",
    "cell_labels",
    "contrast_logits",
    "degree_labels",
    "detectron_names",
    "few_labels",
    "import_checkpoint",
    "info_nce",
    "load_finetuned",
    "ml_cpc",
    "moco_augmentation",
    "nearest_labels",
    "overhead_augmentation",
    "paper_probe",
    "plain",
    "probe",
    "probe_splits",
    "rank_augmentation",
    "rank_n_contrast_loss",
    "run_training",
    "sphere_labels",
    "temporal_scores",
    "temporal_vote",
]

_HOMES = {
    "augmentations": (
        "Augmentation",
        "moco_augmentation",
        "overhead_augmentation",
        "plain",
        "rank_augmentation",
    ),
    "checkpoints": ("Imported", "detectron_names", "import_checkpoint"),
    "contrast": ("contrast_logits", "info_nce", "ml_cpc"),
    "finetune": ("FineTuneClassifier", "FineTuneRegressor", "load_finetuned", "paper_probe"),
    "frozen": ("Frozen",),
    "geography": ("GeoLabels", "cell_labels", "degree_labels", "nearest_labels", "sphere_labels"),
    "moco_module": ("MoCoModule",),
    "monitors": ("KnnMonitor", "ProbeMonitor"),
    "neighbours": ("EmbeddingNeighboursClassifier", "EmbeddingNeighboursRegressor"),
    "pairs": ("Pairs", "PlacePairs", "SamePicture"),
    "picture_cache": ("cache_pictures",),
    "presets": ("PAPER", "SMALL_DATA"),
    "probes": ("AbsoluteProbe", "LogisticProbe", "RidgeProbe", "probe", "probe_splits"),
    "queue": ("Origin",),
    "rank_module": ("RANK_PRESETS", "RankModule", "SupervisedModule"),
    "rank_n_contrast": ("rank_n_contrast_loss",),
    "schedules": ("Optimisation",),
    "starting": ("few_labels",),
    "training": ("TrainingResult", "run_training"),
    "transfer": ("Detector", "Segmenter"),
    "views": ("ViewBatch", "Views"),
    "votes": ("temporal_scores", "temporal_vote"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            found = getattr(import_module(f"{__name__}.{home}"), name)
            globals()[name] = found  # a module of that name does not stand in its way
            return found
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted(__all__)
