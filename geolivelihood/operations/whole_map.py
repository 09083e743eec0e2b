"""From clusters and photos to a map: the answers of five pages make a project, and run it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from geolivelihood.operations.common import (
    ENCODERS,
    cluster_id_parameter,
    crs_parameter,
    max_rejected_parameter,
    resolution_parameter,
    seed_parameter,
    source,
    tell,
)
from geolivelihood.operations.described import Operation, Output, Parameter
from geolivelihood.operations.values import Layer

__all__ = ["CLUSTERS_TO_MAP", "clusters_to_map"]

_MODELS = (
    ("mean", "Mean of all clusters (what any model must beat)"),
    ("knn", "Nearest clusters"),
    ("idw", "Inverse distance: near clusters count more"),
    ("gp", "Gaussian process (kriging)"),
    ("ridge", "Linear model of the pictures"),
    ("boosting", "Boosted trees of the pictures"),
    ("graph", "Network of neighbouring pictures (slow)"),
    ("cell", "Network of neighbouring cells, knows displacement (slow)"),
)
_SPLITS = (
    ("random", "Random clusters: how good is the map beside a surveyed place?"),
    ("blocked", "Blocks of land (always): how good is it where nobody surveyed?"),
    ("region", "Whole regions: how good is it in a region that nobody surveyed?"),
    ("knndm", "As far from a survey as the cells of the map are"),
)
_PICTURES = (
    ("photos_table", "Photos in a table or layer (places and paths of files)"),
    ("photos_folder", "A folder of photos that hold their own position"),
    ("tiles", "A folder of map tiles (named zoom-x-y) or GeoTIFF tiles"),
    ("raster", "Satellite pictures or other rasters"),
)

_DATA = [
    Parameter(
        "clusters",
        "points",
        "Survey clusters",
        "Points with the indicators as fields, in any coordinate system. Some forty at least.",
    ),
    cluster_id_parameter(),
    Parameter(
        "displaced",
        "choice",
        "Were the points moved before they were published?",
        "DHS surveys move them at random by up to 2 km in towns, 5 km (a few 10 km) in the country; each "
        "cluster then counts in all the places where it may lie.",
        default="none",
        choices=(("none", "No, they are where the survey was"), ("dhs", "Yes, as DHS surveys do")),
    ),
    Parameter(
        "urban",
        "fields",
        "Field that says urban or rural",
        "Needed for displaced points: U or R, 1 or 0, true or false; in DHS files URBAN_RURA.",
        optional=True,
        of="clusters",
    ),
    Parameter("pictures", "choice", "Kind of pictures", "What the map is made from.", choices=_PICTURES),
    Parameter(
        "photos",
        "points",
        "Table of photos",
        "One row per photo: points in any coordinate system. Where it has a field cluster_id, the photos of "
        "a cluster are those of its name, else those near it.",
        optional=True,
    ),
    Parameter(
        "photo_file",
        "fields",
        "Field with the paths of the photos",
        "By default the field 'path'. Relative paths start from the folder of the table, or from the folder "
        "of photos where one is given.",
        optional=True,
        of="photos",
    ),
    Parameter(
        "photos_folder",
        "folder",
        "Folder of photos",
        "JPEG photos with their position (EXIF); with a table, where its paths start.",
        optional=True,
    ),
    Parameter(
        "tiles",
        "folder",
        "Folder of tiles",
        "Pictures named zoom-x-y (or x-y-zoom, or in folders zoom/x/y), as web maps use them, or GeoTIFFs.",
        optional=True,
    ),
    Parameter(
        "rasters",
        "rasters",
        "Rasters",
        "Rasters of one kind (same pixels, same bands) count as pieces of one picture, others as further "
        "pictures of the same place.",
        optional=True,
    ),
    Parameter(
        "window_m",
        "number",
        "Window cut from rasters (metres)",
        "Side of the square around each cluster and each cell that a model sees. Empty: seven pixels, and "
        "not less than 2000 m.",
        optional=True,
        min=10,
        max=500_000,
    ),
    Parameter(
        "raster_crs",
        "text",
        "Coordinate system of rasters without one",
        "Pictures with a world file cannot say it. EPSG:4326 is longitude and latitude.",
        optional=True,
        advanced=True,
        default="EPSG:4326",
    ),
    crs_parameter("clusters and photos"),
]
_INDICATOR = [
    Parameter(
        "indicators",
        "fields",
        "Indicators",
        "What is to be mapped: fields of the clusters with numbers. The first is shown first.",
        of="clusters",
        many=True,
        numeric=True,
    ),
    Parameter(
        "label",
        "text",
        "Words for the first indicator",
        "How it is called on the map, with its unit: Wealth index (standard deviations).",
        optional=True,
    ),
]
_MODEL = [
    Parameter(
        "encoder",
        "choice",
        "Way to describe a picture",
        "What turns a picture into numbers. Automatic: random filters for photos and tiles, colours for "
        "rasters. Networks start from random weights.",
        default="auto",
        choices=(("auto", "Automatic"), *ENCODERS),
    ),
    Parameter(
        "models",
        "choice",
        "Models to compare",
        "Each is scored on clusters that it had not seen. Keep the simple ones: they tell what the pictures "
        "are worth. Trees and networks take minutes to hours.",
        default=("mean", "knn", "ridge"),
        many=True,
        choices=_MODELS,
    ),
    Parameter(
        "map_model",
        "choice",
        "Model that makes the map",
        "Automatic: the first that is compared of linear model, trees and networks; for displaced points the "
        "network of cells, where it is compared. The best score is not taken, for it would flatter the map.",
        optional=True,
        default="auto",
        choices=(("auto", "Automatic"), *_MODELS),
    ),
]
_VALIDATION = [
    Parameter(
        "folds",
        "integer",
        "Number of parts",
        "The clusters are dealt into so many parts; each part is predicted from the others.",
        default=5,
        min=2,
        max=50,
    ),
    Parameter(
        "splits",
        "choice",
        "Ways to hold clusters out",
        "Empty: random and blocked, and whole regions where at least three have clusters.",
        optional=True,
        many=True,
        choices=_SPLITS,
    ),
    Parameter(
        "buffer_m",
        "number",
        "Buffer (metres)",
        "Clusters nearer than this to a block that is held out are not learned from. Empty: as far as errors "
        "resemble each other.",
        optional=True,
        min=0,
    ),
    Parameter(
        "coverage",
        "number",
        "Coverage of the intervals",
        "Share of true values that the interval of a place is to hold: 0.9 is nine in ten.",
        default=0.9,
        min=0.51,
        max=0.99,
    ),
]
_OUTPUT = [
    resolution_parameter(7),
    Parameter(
        "regions",
        "polygons",
        "Regions",
        "Polygons that the map is summed up to, such as districts. With rasters the map covers them whole.",
        optional=True,
    ),
    Parameter(
        "region_name",
        "fields",
        "Field with the names of the regions",
        "Each name once.",
        optional=True,
        of="regions",
    ),
    Parameter(
        "explanations",
        "flag",
        "Say what the model went by",
        "How much each kind of picture mattered, in the report.",
        optional=True,
        default=True,
    ),
    Parameter("title", "text", "Title", "Stands above the map and the report.", optional=True),
    max_rejected_parameter("Rows"),
    seed_parameter(),
]

CLUSTERS_TO_MAP = Operation(
    "clusters_to_map",
    "From clusters and photos to a map",
    "Whole jobs",
    "The whole way: learns from survey clusters what pictures tell of an indicator, scores several models on "
    "places that they had not seen, and maps the indicator with intervals, saying where the map must not be "
    "trusted. Writes a project file beside the result, which can be changed and run again, and a report.",
    "map survey DHS clusters photos satellite tiles wealth poverty assistant project",
    [*_DATA, *_INDICATOR, *_MODEL, *_VALIDATION, *_OUTPUT],
    Output(
        "geopackage",
        "Map",
        "A GeoPackage with styled layers (EPSG:4326): 'cells' with the indicators, their intervals (lower, "
        "upper) and whether the model applies; clusters, pictures, and regions where they are given. Beside "
        "it the project file, scores, the map as a picture, and the report.",
        "map",
    ),
    needs="geolivelihood.recipes.run",
)


def clusters_to_map(
    out: Path,
    *,
    clusters: Layer,
    photos: Layer | None,
    regions: Layer | None,
    crs: str | None,
    **answers: Any,
) -> dict[str, Any]:
    """Write the project of a map beside it, and run it."""
    from geolivelihood.recipes.assembly import Answers, write_project
    from geolivelihood.recipes.run import run_project

    wanted = Answers(
        clusters=source(clusters, crs),
        photos=None if photos is None else source(photos, crs),
        regions=None if regions is None else source(regions),
        **answers,
    )
    project = write_project(wanted, out)
    tell([f"Project: {project}"])
    made = run_project(project, out=out)
    tell(made.remarks)
    outputs = {"geopackage": out, "project": project, "map": made.map, "scores": made.scores}
    outputs["report"] = made.report
    return {
        "outputs": {name: str(path) for name, path in outputs.items() if path is not None},
        "layers": made.layers,
        "rejected": made.rejected,
    }
