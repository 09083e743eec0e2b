"""Commands that work on places: displaced clusters over cells, cells summed up to regions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from geolivelihood.cli.options import Target
from geolivelihood.terminal import print_written, progress

__all__ = ["app"]

app = typer.Typer()


@app.command(
    epilog="Examples:\n\n"
    "geolivelihood displacement clusters.gpkg --urban URBAN_RURA --id DHSID -o displacement.gpkg\n\n"
    "geolivelihood displacement clusters.csv --crs EPSG:4326 -r 7 --boundary districts.geojson -o spread.gpkg"
)
def displacement(
    clusters: Annotated[Path, typer.Argument(help="File of survey clusters, as they were published.")],
    target: Target,
    resolution: Annotated[int, typer.Option("--resolution", "-r", min=0, max=15, help="H3 resolution.")] = 8,
    layer: Annotated[str | None, typer.Option(help="Layer of a file with several.")] = None,
    crs: Annotated[str | None, typer.Option(help="CRS of a file that has none.")] = None,
    id_: Annotated[str | None, typer.Option("--id", help="Column with the names of the clusters.")] = None,
    urban: Annotated[
        str | None, typer.Option(help="Column that says urban or rural; default: urban or URBAN_RURA.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Name of one cluster. Repeatable.")] = None,
    boundary: Annotated[
        Path | None, typer.Option(help="Polygons that displacement never crosses: the survey's admin level.")
    ] = None,
    population: Annotated[
        Path | None, typer.Option(help="Raster of people per pixel: likelier where more live.")
    ] = None,
    urban_m: Annotated[float, typer.Option(min=1, help="Farthest in towns, metres.")] = 2000,
    rural_m: Annotated[float, typer.Option(min=1, help="Farthest in the country, metres.")] = 5000,
    rural_far_m: Annotated[float, typer.Option(min=1, help="Farthest of the few, metres.")] = 10000,
    rural_far_share: Annotated[float, typer.Option(min=0, max=1, help="Share of the few.")] = 0.01,
) -> None:
    """Spread displaced survey clusters over the cells that they may really lie in, with probabilities."""
    from geolivelihood.recipes.displaced import spread_clusters
    from geolivelihood.recipes.places import Source

    with progress():
        written = spread_clusters(
            Source(clusters, layer, crs),
            target,
            resolution=resolution,
            id=id_,
            urban=urban,
            only=only or (),
            boundary=None if boundary is None else Source(boundary),
            population=population,
            urban_m=urban_m,
            rural_m=rural_m,
            rural_far_m=rural_far_m,
            rural_far_share=rural_far_share,
        )
    print_written(target, *written)


@app.command(
    epilog="Examples:\n\n"
    "geolivelihood aggregate map.gpkg districts.geojson --name name --value wealth -o districts.gpkg\n\n"
    "geolivelihood aggregate cells.csv states.gpkg --value idhm --population people.tif -o states_mean.gpkg"
)
def aggregate(
    cells: Annotated[Path, typer.Argument(help="Table with one row per H3 cell, or GeoPackage of a run.")],
    regions: Annotated[Path, typer.Argument(help="File of polygons.")],
    target: Target,
    value: Annotated[list[str], typer.Option(help="Column of the cells to be averaged. Repeatable.")],
    name: Annotated[str, typer.Option(help="Column with the names of the regions.")] = "name",
    population: Annotated[
        Path | None, typer.Option(help="Raster of people per pixel; without one cells count by their area.")
    ] = None,
    layer: Annotated[
        str | None, typer.Option(help="Layer with the cells; default: 'cells' of a GeoPackage.")
    ] = None,
    cell: Annotated[str, typer.Option(help="Column with the names of the cells.")] = "cell",
    regions_layer: Annotated[str | None, typer.Option(help="Layer with the regions.")] = None,
    crs: Annotated[str | None, typer.Option(help="CRS of a file of regions that has none.")] = None,
) -> None:
    """Average values of cells over regions, by the people or the area that they share."""
    from geolivelihood.recipes.places import Source, aggregate_cells

    if layer is None and cells.suffix.lower() == ".gpkg":
        layer = "cells"
    with progress():
        written = aggregate_cells(
            Source(cells, layer),
            Source(regions, regions_layer, crs),
            target,
            values=value,
            cell=cell,
            name=name,
            population=population,
        )
    print_written(target, *written)
