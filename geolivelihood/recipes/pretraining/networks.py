"""The network that a project of encoders begins with."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from geolivelihood.features import headless, load_weights
from geolivelihood.features.pretrained import is_pretrained, read_pretrained
from geolivelihood.features.weights import is_weights_file, published_state
from geolivelihood.pretraining.checkpoints import import_checkpoint
from geolivelihood.recipes.pretraining.settings import EncoderProject

__all__ = ["first_network"]


def first_network(project: EncoderProject, *, bands: int) -> tuple[nn.Module, int, str]:
    """The backbone of a project with the weights that it starts from.

    Parameters
    ----------
    project
        The project.
    bands
        Bands of its pictures.

    Returns
    -------
    tuple
        The network without its head, its number of features, and what its weights are, in words.

    Raises
    ------
    InputError
        If the weights are not there, or do not fit the backbone and the bands.
    """
    chosen = project.encoder
    network, dim = headless(chosen.backbone, size=chosen.size, seed=project.seed, bands=bands)
    if chosen.weights == "random":
        return network, dim, f"random, seed {project.seed}"
    path = project.input(chosen.weights)
    if is_pretrained(path):
        return _same(network, read_pretrained(path)[0], path), dim, f"encoder {path.name}"
    if is_weights_file(chosen.weights):
        found = import_checkpoint(path, architecture=chosen.backbone, size=chosen.size)
        return _same(network, found.network, path), dim, str(found.report)
    name, state = published_state(chosen.backbone, chosen.weights)
    load_weights(network, state, source=f"torchvision {name}", prefix="")
    return network, dim, f"torchvision {name}"


def _same(network: nn.Module, found: nn.Module, path: Path) -> nn.Module:
    """``network`` with the weights of ``found``, which must be of its kind."""
    load_weights(network, found.state_dict(), source=str(path), prefix="")
    return network
