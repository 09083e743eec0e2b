"""Whether a map of what a model relied on can be believed.

:func:`faithfulness_report` puts all questions to all methods: does the score follow the map
(:func:`deletion_insertion`), does the map point at evidence that is known (:func:`pointing`), does it change
with the model (:func:`randomisation`), and does it beat maps drawn by chance (:func:`random_attributions`).
"""

from geolivelihood.explanation.faithfulness.controls import (
    Difference,
    paired_difference,
    random_attributions,
)
from geolivelihood.explanation.faithfulness.curves import Curves, curve_area, deletion_insertion
from geolivelihood.explanation.faithfulness.pointing import pointing
from geolivelihood.explanation.faithfulness.randomisation import (
    insensitive,
    randomisation,
    rank_correlation,
)
from geolivelihood.explanation.faithfulness.report import faithfulness_report

__all__ = [
    "Curves",
    "Difference",
    "curve_area",
    "deletion_insertion",
    "faithfulness_report",
    "insensitive",
    "paired_difference",
    "pointing",
    "random_attributions",
    "randomisation",
    "rank_correlation",
]
