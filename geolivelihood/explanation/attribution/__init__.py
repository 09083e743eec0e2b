"""Attribution on pictures: which part of a picture raised, or lowered, what a model says of it.

:func:`attribute` is the one call; :class:`Attribution` says what the maps add up to and where their cells
look.
"""

from geolivelihood.explanation.attribution.attribute import METHODS, attribute, guided_gradients
from geolivelihood.explanation.attribution.published import deprocessed, published_cam
from geolivelihood.explanation.attribution.result import Attribution
from geolivelihood.explanation.attribution.scoring import Scorer, scores
from geolivelihood.explanation.attribution.signed import signed_cam

__all__ = [
    "METHODS",
    "Attribution",
    "Scorer",
    "attribute",
    "deprocessed",
    "guided_gradients",
    "published_cam",
    "scores",
    "signed_cam",
]
