"""The command that explains a model of a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from geolivelihood.cli.options import ProjectFile, Set, parse_overrides
from geolivelihood.errors import InputError
from geolivelihood.terminal import print_explained, progress

__all__ = ["app"]

app = typer.Typer()


@app.command(
    epilog="Examples:\n\n"
    "geolivelihood explain project.yaml\n\n"
    "geolivelihood explain project.yaml --model ridge --method grad_cam --method occlusion --ids MA0012\n\n"
    "geolivelihood explain project.yaml --model graph --method links_occlusion\n\n"
    "geolivelihood explain project.yaml --method concepts --concepts landuse.gpkg:class"
)
def explain(
    project: ProjectFile,
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            "-m",
            help="In pictures: signed_cam (default), grad_cam, grad_cam++, layer_cam, score_cam, "
            "guided_backprop, guided_grad_cam, integrated_gradients, gradient_shap, deep_shap, block_shap, "
            "occlusion. Of graph and cell models: links_occlusion and others. Also: concepts, "
            "feature_clusters. Repeatable.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="One of the project's models; default: the map's.")
    ] = None,
    indicator: Annotated[str | None, typer.Option(help="Default: the project's first.")] = None,
    source: Annotated[
        str | None, typer.Option(help="Source of the pictures; default: the model's first.")
    ] = None,
    ids: Annotated[
        list[str] | None,
        typer.Option(help="Picture, cluster or cell; several by commas. Default: all. Repeatable."),
    ] = None,
    zones: Annotated[
        Path | None, typer.Option(help="Polygons to sum the evidence over; default: cells and regions.")
    ] = None,
    concepts: Annotated[
        str | None,
        typer.Option(
            help="For concepts: folder with one folder of pictures each, or polygons and their column: "
            "landuse.gpkg:class."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Ask of some pictures whether the maps may be believed.")
    ] = False,
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE", help="What one method takes: --option k=5, --option layer=network.layer3."
        ),
    ] = None,
    result: Annotated[
        Path | None, typer.Option(help="GeoPackage of the run; default: where the project writes it.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="A new GeoPackage: a copy of the result that explanations join in its stead."),
    ] = None,
    set_: Set = None,
) -> None:
    """Show what a model of a project goes by: maps over its pictures, links, concepts, kinds of pictures.

    The layers join the GeoPackage that 'run' has written; rasters, tables and pictures go to the folder
    'explanations' beside it, or 'NAME.explanations' beside --out NAME.gpkg. A killed explanation goes on
    where it stopped.
    """
    from geolivelihood.recipes.explanations import explain_project

    options = _options(option) | {"check": check}
    if zones is not None:
        options["zones"] = zones
    if concepts is not None:
        options["concepts"] = concepts
    with progress():
        made = explain_project(
            project,
            methods=method,
            model=model,
            indicator=indicator,
            source=source,
            ids=[part.strip() for text in ids for part in text.split(",")] if ids else None,
            options=options,
            overrides=parse_overrides(set_),
            result=result,
            out=out,
        )
    print_explained(made)


def _options(pairs: list[str] | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs or ():
        key, equals, value = pair.partition("=")
        if not equals or not key:
            msg = f"--option {pair}: give KEY=VALUE, for example --option k=5."
            raise InputError(msg)
        found[key] = yaml.safe_load(value)
    return found
