"""What the pictures show and a model relied on, as tables, drawings and on the ground.

What a model goes by: :func:`permutation_importance` and :func:`drop_column_importance` measure it on unseen
places, with intervals over blocks, and :func:`importance_table` does so for predictions of any making;
:func:`partial_dependence` shows in which direction, :func:`surrogate_tree` in three questions.
:func:`tree_shap` shares a single prediction out to the features of a forest, :func:`photo_attribution` to the
photos of a graph.

The *view wedge* is the piece of ground that a street photo can have seen, from the camera's position, heading
and field of view.
"""

from geolivelihood.explanation.dependence import individual_dependence, partial_dependence
from geolivelihood.explanation.importance import (
    drop_column_importance,
    feature_groups,
    object_groups,
    permutation_importance,
)
from geolivelihood.explanation.losses import importance_table
from geolivelihood.explanation.photos import edge_occlusion, photo_attribution
from geolivelihood.explanation.shapley import ShapleyValues, shapley_summary, tree_shap
from geolivelihood.explanation.surrogate import SurrogateTree, surrogate_tree
from geolivelihood.explanation.views import horizontal_bearing, view_wedges

__all__ = [
    "ShapleyValues",
    "SurrogateTree",
    "drop_column_importance",
    "edge_occlusion",
    "feature_groups",
    "horizontal_bearing",
    "importance_table",
    "individual_dependence",
    "object_groups",
    "partial_dependence",
    "permutation_importance",
    "photo_attribution",
    "shapley_summary",
    "surrogate_tree",
    "tree_shap",
    "view_wedges",
]
