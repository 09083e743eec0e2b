"""Honest scores: splits that keep neighbours apart, predictions out of fold, intervals over blocks.

:class:`RandomKFold` asks for places among the surveyed, :class:`BlockKFold` for new districts,
:class:`LeaveRegionOut` for new countries. :func:`out_of_fold` predicts every row with a model that has not
seen it, :func:`score_table` puts all models side by side under all splits, each score with an interval that
resamples whole blocks. :class:`KNNDMKFold` asks for the places of one map, :class:`AreaOfApplicability` says
where on it no score holds, and :func:`morans_i` whether neighbours still err alike.
"""

from geolivelihood.validation.applicability import (
    AreaOfApplicability,
    dissimilarity_index,
    dissimilarity_threshold,
)
from geolivelihood.validation.areas import ResidualField, region_conformal, region_errors
from geolivelihood.validation.autocorrelation import Moran, morans_i
from geolivelihood.validation.blocks import block_resolution, block_width_m
from geolivelihood.validation.calibration import (
    BrierParts,
    Flagged,
    Temperature,
    brier_parts,
    flagged,
    recall_threshold,
    reliability_curve,
)
from geolivelihood.validation.conformal import (
    Bands,
    ConformalIntervals,
    Coverage,
    conformal_quantile,
    coverage,
    cross_conformal,
    nested_coverage,
    nested_intervals,
)
from geolivelihood.validation.groups import PictureLinks, picture_groups, picture_links
from geolivelihood.validation.intervals import (
    Interval,
    block_bootstrap,
    block_se,
    paired_difference,
    wilson_interval,
)
from geolivelihood.validation.knndm import KNNDMKFold, fold_distances, prediction_distances, wasserstein
from geolivelihood.validation.metrics import (
    WorstGroup,
    classification_scores,
    per_fold,
    r2,
    regression_scores,
    worst_group,
)
from geolivelihood.validation.out_of_fold import OutOfFold, out_of_fold
from geolivelihood.validation.scores import Record, records, score_table, wide
from geolivelihood.validation.splits import BlockKFold, LeaveRegionOut, RandomKFold
from geolivelihood.validation.variogram import Variogram, fit_variogram, variogram

__all__ = [
    "AreaOfApplicability",
    "Bands",
    "BlockKFold",
    "BrierParts",
    "ConformalIntervals",
    "Coverage",
    "Flagged",
    "Interval",
    "KNNDMKFold",
    "LeaveRegionOut",
    "Moran",
    "OutOfFold",
    "PictureLinks",
    "RandomKFold",
    "Record",
    "ResidualField",
    "Temperature",
    "Variogram",
    "WorstGroup",
    "block_bootstrap",
    "block_resolution",
    "block_se",
    "block_width_m",
    "brier_parts",
    "classification_scores",
    "conformal_quantile",
    "coverage",
    "cross_conformal",
    "dissimilarity_index",
    "dissimilarity_threshold",
    "fit_variogram",
    "flagged",
    "fold_distances",
    "morans_i",
    "nested_coverage",
    "nested_intervals",
    "out_of_fold",
    "paired_difference",
    "per_fold",
    "picture_groups",
    "picture_links",
    "prediction_distances",
    "r2",
    "recall_threshold",
    "records",
    "region_conformal",
    "region_errors",
    "regression_scores",
    "reliability_curve",
    "score_table",
    "variogram",
    "wasserstein",
    "wide",
    "wilson_interval",
    "worst_group",
]
