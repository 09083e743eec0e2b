"""What a run writes: one styled GeoPackage, the table of scores, the map as a picture."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geolivelihood import cells as h3cells
from geolivelihood import graphs
from geolivelihood.explanation import view_wedges
from geolivelihood.recipes.assessment import Assessment
from geolivelihood.recipes.lineup import LineUp
from geolivelihood.recipes.livelihood import Livelihood
from geolivelihood.recipes.written import layer_list

__all__ = ["build_layers", "layer_list"]


def build_layers(data: Livelihood, assessment: Assessment) -> dict[str, gpd.GeoDataFrame | pd.DataFrame]:
    """Layers of the result, in drawing order from the top.

    Parameters
    ----------
    data
        The project's data.
    assessment
        Its models, and what they say of themselves.

    Returns
    -------
    dict
        ``clusters``, ``images``, ``images_overhead``, ``edges``, ``explanations_views``, ``cells``,
        ``regions``, ``rejected``; those for which the project has nothing are left out. All in EPSG:4326.
    """
    cells = _cells(data, assessment)
    made: dict[str, Any] = {}
    if data.project.clusters and data.project.output.clusters:
        made["clusters"] = _clusters(data, assessment)
    made |= _pictures(data)
    made["cells"] = cells
    if data.project.regions:
        made["regions"] = _regions(data, assessment, cells)
    made["rejected"] = set_aside(data, assessment.lineup)
    return {name: frame for name, frame in made.items() if len(frame)}


def set_aside(data: Livelihood, lineup: LineUp) -> pd.DataFrame:
    """Rows, pictures and clusters that were left out: ``stage``, ``row``, ``column``, ``reason``."""
    rejected = data.rejected()
    if not data.project.models:
        return rejected
    out = lineup.sample.left_out
    clusters = pd.DataFrame({"stage": "models", "row": out.index, "column": "", "reason": out.to_numpy()})
    return pd.concat([rejected, clusters.astype(str)], ignore_index=True)


def _tabled(data: Livelihood) -> list[str]:
    """Sources that bring pictures of their own places (not chips, not counts of another's objects)."""
    sources = map(data.source, data.sources)
    return [source.name for source in sources if source.chips is None and source.detections_of is None]


def _cells(data: Livelihood, assessment: Assessment) -> gpd.GeoDataFrame:
    index = pd.Index(data.cells, name="cell")
    frame = pd.DataFrame(index=index)
    for indicator in assessment.lineup.indicators if data.project.models else []:
        frame[indicator] = assessment.lineup.cell_predictions(indicator).reindex(index)
        if assessment.trust.settings is not None:
            ends = assessment.trust.at_cells(indicator, frame[indicator])
            frame[f"{indicator}_lower"], frame[f"{indicator}_upper"] = ends["lower"], ends["upper"]
    applicable = assessment.applicable.at_cells
    if applicable is not None:
        frame = frame.join(applicable)
    for name in _tabled(data):
        frame[f"{name}_count"] = np.asarray(data.image_tie(name).matrix.sum(axis=0), dtype=float)
    for name in data.sources:
        if data.source(name).detections_of is not None:
            frame = frame.join(_named_counts(data, name))
    if data.project.clusters:
        frame["clusters_expected"] = np.asarray(data.map_tie.matrix.sum(axis=0), dtype=float)
    polygons = h3cells.cell_polygons(data.cells)
    return gpd.GeoDataFrame(frame, geometry=polygons.to_numpy(), crs="EPSG:4326")


def _named_counts(data: Livelihood, name: str, most: int = 12) -> pd.DataFrame:
    """Mean count per photo of the commonest object classes, per cell."""
    counts = data.cell_features([name])
    common = counts.mean().nlargest(most).index
    return counts[[column for column in counts.columns if column in set(common)]]


def _clusters(data: Livelihood, assessment: Assessment) -> gpd.GeoDataFrame:
    frame = data.clusters.set_index("cluster_id", drop=False)
    frame.index.name = None
    if not data.project.models:
        return frame.reset_index(drop=True)
    lineup = assessment.lineup
    for indicator in lineup.indicators:
        table = lineup.out_of_fold(lineup.map_choice, "blocked", indicator).reindex(frame.index)
        frame[f"{indicator}_predicted"] = table["predicted"]
        frame[f"{indicator}_residual"] = frame[indicator] - table["predicted"]
        if assessment.trust.settings is not None:
            ends = assessment.trust.at_clusters(indicator).reindex(frame.index)
            # not "<indicator>_lower": that would be an interval of the survey's own value
            frame[f"{indicator}_predicted_lower"] = ends["lower"]
            frame[f"{indicator}_predicted_upper"] = ends["upper"]
        frame["fold"] = table["fold"].astype("Int64")
    if data.project.displacement != "none":
        covered = data.map_tie.matrix.sum(axis=1)
        frame["tied"] = np.asarray(covered, dtype=float)
    return frame.reset_index(drop=True)


def _pictures(data: Livelihood) -> dict[str, gpd.GeoDataFrame]:
    tables = []
    for name in _tabled(data):
        table = data.images(name)
        cells = h3cells.lonlat_cells(*_anchor(table), resolution=data.project.cells.resolution)
        tables.append(table.assign(image_source=name, cell=h3cells.cell_names(cells)))
    if not tables:
        return {}
    images = pd.concat(tables, ignore_index=True)
    points = images.geometry.geom_type.eq("Point")
    made = {"images": images[points], "images_overhead": images[~points]}
    if data.project.output.edges:
        made["edges"] = _edges(images[points])
    seen = [name for name in data.sources if data.source(name).views]
    views = view_wedges(images[points & images["image_source"].isin(seen)])
    made["explanations_views"] = views.join(images["cell"])
    return made


def _anchor(images: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
    points = images.geometry.representative_point()
    return points.x.to_numpy(), points.y.to_numpy()


def _edges(images: gpd.GeoDataFrame, *, k: int = 4, most_m: float = 5000.0) -> gpd.GeoDataFrame:
    """Links of each street photo to its nearest ones, once per pair."""
    photos = images.drop_duplicates("image_id")
    if len(photos) <= k:
        return gpd.GeoDataFrame({"source": []}, geometry=[], crs="EPSG:4326")
    points = np.column_stack([photos.geometry.x, photos.geometry.y])
    source, target, distance = graphs.knn(points, k=k)
    low, high = np.minimum(source, target), np.maximum(source, target)
    _, first = np.unique(low.astype(np.int64) * len(points) + high, return_index=True)
    first = first[distance[first] <= most_m]
    ids = photos["image_id"].to_numpy()
    return graphs.link_lines(points, low[first], high[first]).assign(
        source=ids[low[first]], target=ids[high[first]], distance_m=distance[first]
    )


def _regions(data: Livelihood, assessment: Assessment, cells: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    frame = data.regions.set_index("region_id", drop=False)
    frame.index.name = None
    if assessment.areas.wanted:
        for indicator in assessment.lineup.indicators:
            frame = frame.join(assessment.areas.table(indicator, cells[indicator]))
        frame = frame.join(assessment.areas.notes())
    for name in _tabled(data):
        frame[f"{name}_count"] = _within(data.images(name).drop_duplicates("image_id"), data.regions)
    if data.project.clusters:
        frame["clusters_count"] = _within(data.clusters, data.regions)
    return frame.reset_index(drop=True)


def _within(things: gpd.GeoDataFrame, regions: gpd.GeoDataFrame) -> pd.Series:
    """Number of pictures or clusters in each region, by ``region_id``."""
    points = things[["geometry"]].set_geometry(things.geometry.representative_point())
    inside = gpd.sjoin(points, regions[["region_id", "geometry"]], predicate="within")
    return inside.groupby("region_id").size().reindex(regions["region_id"], fill_value=0)
