"""The command that computes a published study again."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from geolivelihood.terminal import print_reproduction, progress

__all__ = ["app"]

app = typer.Typer()


class Mode(StrEnum):
    """Modes of ``reproduce``."""

    paper = "paper"
    default = "default"


@app.command(
    epilog="Example:\n\n"
    "geolivelihood reproduce street --invent --steps 60 -o out\n\n"
    "geolivelihood reproduce street --mode default --models knn --models graph-both -o out"
)
def reproduce(
    folder: Annotated[
        Path, typer.Argument(help="Published layout: data.csv, cluster lists, HDF5 features, pictures.")
    ],
    target: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")],
    mode: Annotated[
        Mode, typer.Option(help="paper: as published. default: our models, final scores.")
    ] = Mode.paper,
    models: Annotated[
        list[str] | None, typer.Option(help="Row to compute; default: the usual ones. Repeatable.")
    ] = None,
    indicators: Annotated[list[str] | None, typer.Option(help="pov, pop or bmi. Repeatable.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Training steps; fewer for a quick run.")] = 3000,
    seed: int = 0,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the blocked split (default mode).")] = 5,
    buffer_km: Annotated[
        float, typer.Option(min=0, help="Around test clusters (default mode): windows and displacement.")
    ] = 42,
    cluster_limit: Annotated[int, typer.Option(min=1, help="Leave out clusters with fewer photos.")] = 1,
    weights: Annotated[
        str, typer.Option(help="Start of image models: random, a file, or torchvision's name.")
    ] = "IMAGENET1K_V1",
    invent: Annotated[bool, typer.Option("--invent", help="Fill FOLDER with invented data first.")] = False,
) -> None:
    """Compute the results table of the street-level livelihood study, beside the published figures.

    Cells of the table that are known from an earlier run are kept; a run that was stopped goes on.
    """
    from geolivelihood.recipes import street_level
    from geolivelihood.synthetic.street_level import make_street_level

    settings = street_level.Settings(
        mode=mode.value,
        steps=steps,
        seed=seed,
        folds=folds,
        buffer_km=buffer_km,
        cluster_limit=cluster_limit,
        weights=weights,
    )
    with progress():
        if invent and not (folder / "data.csv").exists():
            make_street_level(folder, seed=seed)
        result = street_level.reproduce(
            folder, target, settings=settings, models=models, indicators=indicators
        )
    print_reproduction(result)
