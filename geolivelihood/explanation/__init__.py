"""What the pictures show and a model relied on, as tables, drawings and on the ground.

What a model goes by: :func:`permutation_importance` and :func:`drop_column_importance` measure it on unseen
places, with intervals over blocks. The *view wedge* is the piece of ground that a street photo can have seen,
from the camera's position, heading and field of view.
"""

from geolivelihood.explanation.dependence import individual_dependence, partial_dependence
from geolivelihood.explanation.importance import (
    drop_column_importance,
    feature_groups,
    object_groups,
    permutation_importance,
)
from geolivelihood.explanation.losses import importance_table
from geolivelihood.explanation.shapley import ShapleyValues, shapley_summary, tree_shap
from geolivelihood.explanation.surrogate import SurrogateTree, surrogate_tree
from geolivelihood.explanation.views import horizontal_bearing, view_wedges

__all__ = [
    "ShapleyValues",
    "SurrogateTree",
    "drop_column_importance",
    "feature_groups",
    "horizontal_bearing",
    "importance_table",
    "individual_dependence",
    "object_groups",
    "partial_dependence",
    "permutation_importance",
    "shapley_summary",
    "surrogate_tree",
    "tree_shap",
    "view_wedges",
]
