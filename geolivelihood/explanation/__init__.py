"""What the pictures show and a model relied on, as tables, drawings and on the ground.

What a model goes by: :func:`permutation_importance` and :func:`drop_column_importance` measure it on unseen
places, with intervals over blocks, and :func:`importance_table` does so for predictions of any making;
:func:`partial_dependence` shows in which direction, :func:`surrogate_tree` in three questions.
:func:`tree_shap` shares a single prediction out to the features of a forest, :func:`photo_attribution` to the
photos of a graph, :func:`edge_importance` to its links.

In a picture: :func:`attribute` maps what raised a prediction, :func:`faithfulness_report` asks whether such
a map may be believed. On the ground: :func:`explanation_rasters` and :func:`write_mosaic` draw maps of
overhead tiles where the tiles lie, :func:`zonal_sums` adds them up over polygons, :func:`view_sectors` turns
those of a street photo into the ground it can have seen. In words: :func:`concept_scores` says which visual
concepts move a prediction, :class:`FeatureClusters` what kinds of pictures there are.

Each name is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geolivelihood.explanation.attribution import Attribution, attribute
    from geolivelihood.explanation.cluster_drawing import draw_curve, draw_embedding
    from geolivelihood.explanation.cluster_places import cluster_covariates, cluster_layer, picture_covariate
    from geolivelihood.explanation.concepts import (
        ConceptScores,
        ConceptVectors,
        class_shares,
        concept_cells,
        concept_clusters,
        concept_folders,
        concept_scores,
        concept_vectors,
        concepts_by_shares,
        layer_activations,
        linear_head,
        picture_activations,
        polygon_shares,
    )
    from geolivelihood.explanation.contact_sheet import cluster_sheet, thumbnails
    from geolivelihood.explanation.dependence import individual_dependence, partial_dependence
    from geolivelihood.explanation.faithfulness import (
        deletion_insertion,
        faithfulness_report,
        pointing,
        randomisation,
    )
    from geolivelihood.explanation.feature_clusters import (
        FeatureClusters,
        cluster_examples,
        embedding_coordinates,
    )
    from geolivelihood.explanation.graph_edges import edge_fidelity, edge_importance, rank_stability
    from geolivelihood.explanation.ground import (
        colour_limit,
        explanation_rasters,
        image_tiles,
        registration,
        upsample,
        write_mosaic,
        zonal_sums,
    )
    from geolivelihood.explanation.importance import (
        drop_column_importance,
        feature_groups,
        object_groups,
        permutation_importance,
    )
    from geolivelihood.explanation.losses import importance_table
    from geolivelihood.explanation.photos import photo_attribution
    from geolivelihood.explanation.shapley import ShapleyValues, shapley_summary, tree_shap
    from geolivelihood.explanation.surrogate import SurrogateTree, surrogate_tree
    from geolivelihood.explanation.views import (
        fields_of_view,
        ground_position,
        headings,
        horizontal_bearing,
        object_places,
        view_cells,
        view_sectors,
        view_wedges,
        without_clusters,
    )

__all__ = [
    "Attribution",
    "ConceptScores",
    "ConceptVectors",
    "FeatureClusters",
    "ShapleyValues",
    "SurrogateTree",
    "attribute",
    "class_shares",
    "cluster_covariates",
    "cluster_examples",
    "cluster_layer",
    "cluster_sheet",
    "colour_limit",
    "concept_cells",
    "concept_clusters",
    "concept_folders",
    "concept_scores",
    "concept_vectors",
    "concepts_by_shares",
    "deletion_insertion",
    "draw_curve",
    "draw_embedding",
    "drop_column_importance",
    "edge_fidelity",
    "edge_importance",
    "embedding_coordinates",
    "explanation_rasters",
    "faithfulness_report",
    "feature_groups",
    "fields_of_view",
    "ground_position",
    "headings",
    "horizontal_bearing",
    "image_tiles",
    "importance_table",
    "individual_dependence",
    "layer_activations",
    "linear_head",
    "object_groups",
    "object_places",
    "partial_dependence",
    "permutation_importance",
    "photo_attribution",
    "picture_activations",
    "picture_covariate",
    "pointing",
    "polygon_shares",
    "randomisation",
    "rank_stability",
    "registration",
    "shapley_summary",
    "surrogate_tree",
    "thumbnails",
    "tree_shap",
    "upsample",
    "view_cells",
    "view_sectors",
    "view_wedges",
    "without_clusters",
    "write_mosaic",
    "zonal_sums",
]

_HOMES = {
    "attribution": ("Attribution", "attribute"),
    "cluster_drawing": ("draw_curve", "draw_embedding"),
    "cluster_places": ("cluster_covariates", "cluster_layer", "picture_covariate"),
    "concepts": (
        "ConceptScores",
        "ConceptVectors",
        "class_shares",
        "concept_cells",
        "concept_clusters",
        "concept_folders",
        "concept_scores",
        "concept_vectors",
        "concepts_by_shares",
        "layer_activations",
        "linear_head",
        "picture_activations",
        "polygon_shares",
    ),
    "contact_sheet": ("cluster_sheet", "thumbnails"),
    "dependence": ("individual_dependence", "partial_dependence"),
    "faithfulness": ("deletion_insertion", "faithfulness_report", "pointing", "randomisation"),
    "feature_clusters": ("FeatureClusters", "cluster_examples", "embedding_coordinates"),
    "graph_edges": ("edge_fidelity", "edge_importance", "rank_stability"),
    "ground": (
        "colour_limit",
        "explanation_rasters",
        "image_tiles",
        "registration",
        "upsample",
        "write_mosaic",
        "zonal_sums",
    ),
    "importance": ("drop_column_importance", "feature_groups", "object_groups", "permutation_importance"),
    "losses": ("importance_table",),
    "photos": ("photo_attribution",),
    "shapley": ("ShapleyValues", "shapley_summary", "tree_shap"),
    "surrogate": ("SurrogateTree", "surrogate_tree"),
    "views": (
        "fields_of_view",
        "ground_position",
        "headings",
        "horizontal_bearing",
        "object_places",
        "view_cells",
        "view_sectors",
        "view_wedges",
        "without_clusters",
    ),
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
