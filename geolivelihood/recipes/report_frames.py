"""Tables of the report: what the run found, under headings that need no knowledge of the code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from geolivelihood import validation
from geolivelihood.layers.drawing import percent

__all__ = [
    "checks_frame",
    "coverage_frame",
    "groups_frame",
    "regions_estimates",
    "regions_frame",
    "scores_frame",
]

_UNKNOWN = "–"
_SPLITS = {"region": "region left out", "knndm": "kNNDM"}
_CHECKS = {
    "folds": "folds",
    "tested": "places tested",
    "dropped": "kept out of training",
    "moran_i": "Moran's I",
    "moran_p": "p",
    "range_km": "range, km",
    "ceiling": "noise ceiling",
    "wasserstein_km": "W, km",
}
_GROUPS = {
    "kind": "kind",
    "group": "group",
    "n": "places",
    "r2": "R²",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "worst": "worst",
}
_REGION = {
    "": "model",
    "_lower": "lower",
    "_upper": "upper",
    "_parameter_sd": "model part",
    "_residual_sd": "residual part",
    "_survey": "survey",
    "_survey_se": "survey's error",
    "_eblup": "both together",
    "_shrinkage": "survey's weight",
}
_NOTES = {
    "clusters_count": "places",
    "uncovered": "off the map",
    "share_applicable": "applicable",
    "flagged": "flagged",
}


def scores_frame(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """One score of one indicator: models down, splits across."""
    size = rows.loc[rows["metric"].eq(metric), "value"].abs().max()
    digits = 2 if metric == "r2" or not 0 < size < 1 else 2 + int(np.ceil(-np.log10(size)))
    frame = validation.wide(rows, metric=metric, digits=digits).droplevel("indicator", axis=1)
    unknown = frame.apply(lambda column: column.str.startswith("nan"))
    frame = frame.mask(unknown, _UNKNOWN).rename(columns=_SPLITS).rename_axis("model")
    frame.columns.name = None
    return frame


def coverage_frame(coverage: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """Coverage by indicator and group of places, as words."""
    measured = [
        f"{percent(row.coverage)} [{percent(row.lower)}, {percent(row.upper)}]"
        if np.isfinite(row.lower + row.upper)
        else percent(row.coverage)
        for row in coverage.itertuples()
    ]
    columns = {
        "places": coverage["group"],
        "promised": _percents(coverage["nominal"]),
        "measured": measured,
        "mean over blocks": _percents(coverage["block_mean"]),
        "worst block": _percents(coverage["worst"]),
        "mean width": coverage["mean_width"],
        "number": coverage["n"],
        "blocks": coverage["n_blocks"],
    }
    return pd.DataFrame(columns).set_axis(_indicators(coverage, labels))


def checks_frame(checks: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """What is left unexplained by indicator and split, without what nothing is known of."""
    made = checks.assign(dropped=_percents(checks["dropped"])).dropna(axis=1, how="all")
    return _shown(made, labels, _CHECKS)


def groups_frame(groups: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """Scores of groups of places."""
    made = groups.assign(worst=groups["worst"].map({True: "worst", False: ""}))
    return _shown(made, labels, _GROUPS)


def regions_frame(regions: pd.DataFrame, indicator: str) -> tuple[pd.DataFrame, dict[str, int]]:
    """Estimates of an indicator by region, and their decimals: two digits of the errors."""
    named = {f"{indicator}{end}": name for end, name in _REGION.items()} | _NOTES
    kept = [name for name in named if name in regions]
    shares = {name: _percents(regions[name]) for name in ("uncovered", "share_applicable") if name in regions}
    shares |= {name: _percents(regions[name]) for name in (f"{indicator}_shrinkage",) if name in regions}
    table = pd.DataFrame(regions[kept]).assign(**shares).set_axis(pd.Index(regions["name"], name="region"))
    frame = table.rename(columns=named)
    errors = [name for name in ("model part", "residual part", "survey's error") if name in frame]
    decimals = _decimals(frame[errors].to_numpy(dtype=float))
    values = [name for name in _REGION.values() if name in frame and name != "survey's weight"]
    return frame, {} if decimals is None else dict.fromkeys(values, decimals)


def regions_estimates(regions: pd.DataFrame, indicator: str, *, coverage: float) -> pd.DataFrame:
    """Survey, model, and both together side by side, each with its interval, indexed by the region's name."""
    frame = pd.DataFrame(index=pd.Index(regions["name"], name="region"))
    names = {
        "direct": f"{indicator}_survey",
        "direct_lower": f"{indicator}_survey_lower",
        "direct_upper": f"{indicator}_survey_upper",
        "model": indicator,
        "model_lower": f"{indicator}_lower",
        "model_upper": f"{indicator}_upper",
    }
    for ours, theirs in names.items():
        frame[ours] = regions[theirs].to_numpy(dtype=float) if theirs in regions else np.nan
    if f"{indicator}_eblup" in regions:
        errors = float(norm.ppf((1 + coverage) / 2))  # standard errors on each side
        half = errors * np.sqrt(regions[f"{indicator}_eblup_mse"].to_numpy(dtype=float))
        frame["eblup"] = regions[f"{indicator}_eblup"].to_numpy(dtype=float)
        frame["eblup_lower"], frame["eblup_upper"] = frame["eblup"] - half, frame["eblup"] + half
    return frame


def _shown(table: pd.DataFrame, labels: Mapping[str, str], names: Mapping[str, str]) -> pd.DataFrame:
    """Columns in the order and by the names of ``names``, after the split where there is one."""
    frame = table.set_axis(_indicators(table, labels))
    if "split" in frame:
        frame["split"] = frame["split"].replace(_SPLITS)
    wanted = {"split": "split", **names}
    return frame[[name for name in wanted if name in frame]].rename(columns=wanted)


def _indicators(table: pd.DataFrame, labels: Mapping[str, str]) -> pd.Index:
    return pd.Index([labels.get(name, name) for name in table["indicator"]], name="indicator")


def _percents(shares: pd.Series) -> list[str]:
    return [percent(share) if np.isfinite(share) else _UNKNOWN for share in shares.astype(float)]


def _decimals(errors: Any) -> int | None:
    """Decimals that show two digits of the middling error; ``None`` where none is known."""
    known = errors[np.isfinite(errors) & (errors > 0)]
    return int(np.clip(1 - np.floor(np.log10(np.median(known))), 0, 6)) if known.size else None
