"""Commands that make an encoder: pretrain it, try it, put it to a task."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from geolivelihood.cli.options import ProjectFile, Set, Target, parse_overrides
from geolivelihood.terminal import out, print_finetuned, print_pretrained, print_probed, progress

__all__ = ["app"]

app = typer.Typer()


@app.command(
    epilog="Examples:\n\n"
    "geolivelihood pretrain encoder.yaml\n\n"
    "geolivelihood pretrain encoder.yaml --set pretraining.temporal=true --set pretraining.epochs=50\n\n"
    "torchrun --nproc-per-node 4 -m geolivelihood.cli pretrain encoder.yaml\n\n"
    "The encoder is then 'encoder: {name: out/pretrained}' in the project of a map."
)
def pretrain(project: ProjectFile, set_: Set = None) -> None:
    """Let an encoder learn from pictures of places: MoCo-v2 (geography, time), Rank-N-Contrast, L1.

    A training that was stopped or killed goes on in the middle of its epoch, with the same result.
    """
    from geolivelihood.recipes.pretraining import pretrain_project

    with progress():
        made = pretrain_project(project, overrides=parse_overrides(set_))
    if os.environ.get("RANK", "0") == "0":  # one of the processes of torchrun speaks
        print_pretrained(made)


@app.command(
    epilog="Examples:\n\n"
    "geolivelihood probe encoder.yaml\n\n"
    "geolivelihood probe encoder.yaml --set probe.labels.column=wealth --set encoder_folder=out/pretrained"
)
def probe(project: ProjectFile, set_: Set = None) -> None:
    """Try a frozen encoder: linear heads and nearest neighbours under random and under blocked folds."""
    from geolivelihood.recipes.pretraining import probe_project

    with progress():
        made = probe_project(project, overrides=parse_overrides(set_))
    print_probed(made)


@app.command(
    epilog="Examples:\n\n"
    "geolivelihood finetune encoder.yaml\n\n"
    "geolivelihood finetune buildings.yaml --set finetune.task=segmentation --set finetune.predict=[city.tif]"
)
def finetune(project: ProjectFile, set_: Set = None) -> None:
    """Train an encoder on for a task: values or classes of pictures, boxes, masks; go over whole rasters."""
    from geolivelihood.recipes.pretraining import finetune_project

    with progress():
        made = finetune_project(project, overrides=parse_overrides(set_))
    print_finetuned(made)


@app.command(
    "import-weights",
    epilog="Example:  geolivelihood import-weights moco_tp.pth.tar --architecture resnet50 -o moco",
)
def import_weights(
    checkpoint: Annotated[Path, typer.Argument(help="Published checkpoint: .pth.tar, .ckpt, .safetensors.")],
    target: Target,
    architecture: Annotated[str, typer.Option(help="The torchvision network that it holds.")] = "resnet50",
    size: Annotated[
        int | None,
        typer.Option(
            min=8, help="Side of its pictures, fed with ImageNet's mean and sd; default: as it was published."
        ),
    ] = None,
) -> None:
    """Turn a published checkpoint into an encoder of ours (safetensors and a card), and say what was used."""
    from geolivelihood.pretraining import import_checkpoint

    with progress():
        found = import_checkpoint(checkpoint, architecture=architecture, size=size or 224)
        folder = found.save(target, **({} if size is None else _fed(size)))
    out.print(str(found.report), markup=False, highlight=False, soft_wrap=True)
    out.print(f"The encoder is {folder}.", markup=False, highlight=False, soft_wrap=True)


def _fed(size: int) -> dict[str, Any]:
    return {"size": size, "mean": [0.485, 0.456, 0.406], "sd": [0.229, 0.224, 0.225]}
