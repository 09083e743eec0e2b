"""All questions to all methods in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.errors import InputError
from geolivelihood.explanation.attribution.attribute import attribute
from geolivelihood.explanation.attribution.result import Attribution
from geolivelihood.explanation.attribution.scoring import Scorer
from geolivelihood.explanation.attribution.subject import Outputs
from geolivelihood.explanation.faithfulness.cells import at_cells
from geolivelihood.explanation.faithfulness.controls import paired_difference, random_attributions
from geolivelihood.explanation.faithfulness.curves import deletion_insertion
from geolivelihood.explanation.faithfulness.pointing import pointing
from geolivelihood.explanation.faithfulness.randomisation import insensitive, randomisation

__all__ = ["faithfulness_report"]

Floats = npt.NDArray[np.float64]
_BASELINES = ("blur", "mean")


def faithfulness_report(
    model: Any,
    images: Any,
    *,
    methods: Sequence[str] | Mapping[str, Mapping[str, Any]] = ("signed_cam", "grad_cam", "occlusion"),
    target: Any = None,
    outputs: Outputs = "auto",
    masks: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    draws: int = 10,
    stages: int | None = 2,
    steps: int | None = None,
    random_state: int = 0,
) -> pd.DataFrame:
    """How far the maps of each method can be believed, beside maps drawn by chance.

    Parameters
    ----------
    model, images, target, outputs
        As for :func:`attribute`.
    methods
        Names, or names with the options of each: ``{"gradient_shap": {"baseline": background}}``. The option
        ``method`` names the method where a row is to be called otherwise.
    masks
        Where the evidence is, shape (n, height, width), where it is known; see :func:`pointing`.
    strata
        Group of each picture, such as urban and rural, shape (n,): one row for each, and one for ``"all"``.
    draws
        Random maps, and new weights per stage; 0 leaves the randomisation out.
    stages
        Modules to draw anew; the flag looks at the second.
    steps
        Points of a deletion curve; see :func:`deletion_insertion`.
    random_state
        Seed.

    Returns
    -------
    pandas.DataFrame
        One row per method (the last is ``"random"``) and stratum:

        ``deletion_blur``, ``insertion_blur``, ``deletion_mean``, ``insertion_mean``
            Mean areas under the curves, for both baselines.
        ``gain_blur``, ``gain_mean`` with ``_lower``, ``_upper``
            Insertion less deletion, less that of random maps of the same cells, with its 95 % interval over
            pictures: above 0, the map knows something.
        ``pointing``, ``chance``, ``centre``, ``inside``, ``pointing_gain`` with its interval
            See :func:`pointing`; the gain is over random maps.
        ``randomisation``, ``insensitive``
            Signed rank correlation with the map of a model without head and last block, and whether it is
            above 0.5: such a map shows the picture rather than the model.
        ``residual``
            Mean share of the score that the map leaves unexplained, |residual| / sd of the scores.
        ``n``, ``n_curves``, ``n_masks``
            Pictures, and those with curves and with evidence.
    """
    options = methods if isinstance(methods, Mapping) else {name: {} for name in methods}
    scorer = Scorer(model, images, target=target, outputs=outputs)
    groups = _groups(strata, len(scorer.pictures))
    rows, chance = [], {}
    for name, own in options.items():
        call = {"method": name} | dict(own) | {"target": target, "outputs": outputs}
        found = attribute(model, images, **call)
        coarse = at_cells(found)
        grid = (coarse.maps.shape, coarse.start, coarse.jump)
        if grid not in chance:
            drawn = random_attributions(coarse, draws=max(draws, 1), random_state=random_state)
            chance[grid] = [_measured(scorer, noise, masks, steps) for noise in drawn]
        model_check: dict[str, Any] = {"randomisation": np.nan, "insensitive": False}
        if draws:
            table = randomisation(
                model, images, stages=stages, draws=draws, random_state=random_state, **call
            )
            model_check = {
                "randomisation": table.correlation.iloc[min(2, len(table)) - 1],
                "insensitive": insensitive(table),
            }
        measured = _measured(scorer, found, masks, steps)
        for group, chosen in groups.items():
            residual = np.abs(found.residual[chosen]).mean() / max(float(scorer.scores.std()), 1e-12)
            head = {"method": name, "stratum": group, "n": int(chosen.sum()), "residual": residual}
            rows.append(head | _summary(measured, chance[grid], chosen, masks is not None) | model_check)
    for group, chosen in groups.items():
        first = next(iter(chance.values()))
        mean = {key: np.mean([one[key] for one in first], axis=0) for key in first[0]}
        row = _summary(mean, first, chosen, masks is not None)
        kept = {key: value for key, value in row.items() if "gain" not in key}
        rows.append({"method": "random", "stratum": group, "n": int(chosen.sum())} | kept)
    return pd.DataFrame(rows)


def _groups(strata: npt.ArrayLike | None, n: int) -> dict[Any, npt.NDArray[np.bool_]]:
    everything = {"all": np.ones(n, dtype=bool)}
    if strata is None:
        return everything
    group = np.asarray(strata)
    if group.shape != (n,):
        msg = f"strata has the shape {group.shape} for {n} pictures; give one group for each."
        raise InputError(msg)
    return everything | {name: group == name for name in np.unique(group)}


def _measured(
    scorer: Scorer, found: Attribution, masks: npt.ArrayLike | None, steps: int | None
) -> dict[str, Floats]:
    """Every score of every picture, by name."""
    measured = {}
    for baseline in _BASELINES:
        curves = deletion_insertion(scorer, found, baseline=baseline, steps=steps)
        measured[f"deletion_{baseline}"] = curves.deletion_area
        measured[f"insertion_{baseline}"] = curves.insertion_area
    if masks is not None:
        where = pointing(found, masks)
        measured |= {name: where[name].to_numpy() for name in where}
    return measured


def _summary(
    measured: Mapping[str, Floats],
    chance: Sequence[Mapping[str, Floats]],
    chosen: npt.NDArray[np.bool_],
    masks: bool,
) -> dict[str, Any]:
    """Means over the pictures of a stratum, and differences from chance."""
    areas = [f"{kind}_{baseline}" for baseline in _BASELINES for kind in ("deletion", "insertion")]
    summary: dict[str, Any] = {name: _mean(measured[name][chosen]) for name in areas}
    for baseline in _BASELINES:
        ours, drawn = (
            np.stack([one[f"insertion_{baseline}"] - one[f"deletion_{baseline}"] for one in side])[:, chosen]
            for side in ([measured], chance)
        )
        summary |= _named(f"gain_{baseline}", paired_difference(ours[0], drawn))
    summary["n_curves"] = int(np.isfinite(measured["deletion_blur"][chosen]).sum())
    if masks:
        hits = np.stack([one["hit"] for one in chance])[:, chosen]
        summary["pointing"] = _mean(measured["hit"][chosen])
        summary |= {name: _mean(measured[name][chosen]) for name in ("chance", "centre", "inside")}
        summary |= _named("pointing_gain", paired_difference(measured["hit"][chosen], hits))
        summary["n_masks"] = int(np.isfinite(measured["hit"][chosen]).sum())
    return summary


def _named(name: str, difference: Sequence[float]) -> dict[str, float]:
    return dict(zip((name, f"{name}_lower", f"{name}_upper"), difference))


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan
