"""Whether maps know the model: weights are drawn anew, from the head downwards, and maps compared."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy.stats import rankdata
from torch import nn

from geolivelihood.explanation.attribution.attribute import attribute
from geolivelihood.explanation.attribution.result import Attribution
from geolivelihood.explanation.attribution.scoring import Scorer
from geolivelihood.explanation.faithfulness.cells import at_cells
from geolivelihood.progress import track

__all__ = ["insensitive", "randomisation", "rank_correlation"]

Floats = npt.NDArray[np.float64]
_MOST = 0.5
_LAST = 2


def randomisation(
    model: Any,
    images: Any,
    *,
    method: str,
    target: Any = None,
    stages: int | None = _LAST,
    draws: int = 10,
    random_state: int = 0,
    **options: Any,
) -> pd.DataFrame:
    """How much of a map survives when the model's weights are drawn anew [1]_.

    The head goes first, then block after block downwards, each on top of the others. A map that stays alike
    shows the picture, not the model. Correlations are of *signed* values: absolute ones hide that a new head
    turns the sign.

    Parameters
    ----------
    model, images, method, target, **options
        As for :func:`attribute`.
    stages
        How many modules to go down; ``None`` goes to the first.
    draws
        New weights per stage.
    random_state
        Seed.

    Returns
    -------
    pandas.DataFrame
        One row per stage: ``module`` (the last that was drawn anew), ``correlation`` (Spearman's, with the
        trained model's map at cell resolution, mean over pictures and draws) and ``sd`` over the draws.

    References
    ----------
    .. [1] Adebayo et al. (2018), Sanity checks for saliency maps, NeurIPS.
    """
    network = model if isinstance(model, nn.Module) else model.network_
    names = list(_downwards(network))[:stages]
    options = options | {"method": method}
    groups = list(_by_class(model, images, target, options))
    before = [at_cells(attribute(model, part, target=asked, **options)) for part, asked in groups]
    found = np.empty((draws, len(names)))
    for draw in track(range(draws), f"drawing weights anew for {method}"):
        other = _copied(model)
        inner = other if isinstance(other, nn.Module) else other.network_
        for stage, name in enumerate(names):
            _draw_anew(inner.get_submodule(name), [random_state, draw, stage])
            after = [at_cells(attribute(other, part, target=asked, **options)) for part, asked in groups]
            alike = [rank_correlation(a, b) for a, b in zip(before, after)]
            found[draw, stage] = np.concatenate(alike).mean()
    return pd.DataFrame(
        {
            "stage": range(1, len(names) + 1),
            "module": names,
            "correlation": found.mean(axis=0),
            "sd": found.std(axis=0),
        }
    )


def insensitive(table: pd.DataFrame) -> bool:
    """Whether maps correlate above 0.5 with those of a model whose head and last block are noise."""
    return bool(table.correlation.iloc[min(_LAST, len(table)) - 1] > _MOST)


def rank_correlation(first: Attribution, second: Attribution) -> Floats:
    """Spearman's correlation (n,) of signed maps, picture by picture; 0 for a map without variation."""
    ranks = [rankdata(found.maps.reshape(len(found), -1), axis=1) for found in (first, second)]
    a, b = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    scale = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.divide((a * b).sum(axis=1), scale, out=np.zeros(len(a)), where=scale > 0)


def _by_class(model: Any, images: Any, target: Any, options: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Pictures and target; predicted classes are held fast, since random models predict others."""
    scorer = Scorer(model, images, target=target, outputs=options.get("outputs", "auto"))
    asked = scorer.weights.argmax(dim=1).cpu().numpy()
    if (scorer.weights == scorer.weights[:1]).all():
        yield images, target
        return
    names = getattr(model, "classes_", np.arange(scorer.weights.shape[1]))
    for column in np.unique(asked):
        yield images[asked == column], names[column]


def _downwards(network: nn.Module) -> Iterator[str]:
    """Names of the modules with weights, the last first.

    One that holds most of all weights goes in parts, unless these are single layers: it is a block then.
    """
    total = _weights(network)

    def parts(name: str, module: nn.Module) -> Iterator[str]:
        children = [(child, part) for child, part in module.named_children() if _weights(part)]
        deep = any(next(part.children(), None) is not None for _, part in children)
        if children and (not name or (deep and _weights(module) > total / 2)):
            for child, part in reversed(children):
                yield from parts(f"{name}.{child}" if name else child, part)
        else:
            yield name

    yield from parts("", network)


def _weights(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def _copied(model: Any) -> Any:
    if isinstance(model, nn.Module):
        return copy.deepcopy(model)
    other = copy.copy(model)
    other.network_ = copy.deepcopy(model.network_)
    return other


def _draw_anew(module: nn.Module, seed: list[int]) -> None:
    """Every module inside as if new; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(np.random.default_rng(seed).integers(2**31)))
        for part in module.modules():
            reset: Any = getattr(part, "reset_parameters", None)
            if callable(reset):
                reset()
