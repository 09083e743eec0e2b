"""Encoders from a project file: pretrained on places, tried on labels, put to a task."""

from geolivelihood.recipes.pretraining.finetune import FinetunedResult, finetune_project
from geolivelihood.recipes.pretraining.pretrain import PretrainedResult, pretrain_project
from geolivelihood.recipes.pretraining.probe import ProbedResult, probe_project
from geolivelihood.recipes.pretraining.settings import EncoderProject

__all__ = [
    "EncoderProject",
    "FinetunedResult",
    "PretrainedResult",
    "ProbedResult",
    "finetune_project",
    "pretrain_project",
    "probe_project",
]
