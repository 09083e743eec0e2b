"""Features that mean something to a reader: objects counted in photos, brightness of bands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from geolivelihood import explanation
from geolivelihood.features import FeatureStore
from geolivelihood.recipes.livelihood import Livelihood
from geolivelihood.recipes.settings import ModelChoice

__all__ = ["Followed", "counted_choice", "counted_sources", "followed", "named_columns", "named_sources"]

_SAID = ("mean", "sd")  # of the statistics of a band, those that a reader knows; the others go with them
_RANGE, _KNOTS = (0.02, 0.98), 12


class Followed(NamedTuple):
    """A feature along which a map is followed, and those that go with it.

    Attributes
    ----------
    name
        What a reader calls it.
    lead
        Its column.
    knots
        Index: values of ``lead``, ascending; the columns that follow, as they are at such places. Only the
        lead where nothing follows.
    """

    name: str
    lead: str
    knots: pd.DataFrame

    def grid(self, size: int) -> list[float]:
        """Values from end to end."""
        return np.unique(np.linspace(self.knots.index[0], self.knots.index[-1], size)).tolist()

    def led(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table with the other columns as they are where the lead has the value that it has."""
        rest = [column for column in self.knots.columns if column != self.lead]
        at, knots = table[self.lead].to_numpy(), self.knots.index.to_numpy()
        return table.assign(**{column: np.interp(at, knots, self.knots[column]) for column in rest})


def counted_sources(data: Livelihood) -> list[str]:
    """Sources of object counts."""
    return [name for name in data.used if data.source(name).detections_of is not None]


def counted_choice(data: Livelihood) -> ModelChoice:
    """A linear model that sees nothing but object counts."""
    return ModelChoice.model_validate({"name": "ridge", "sources": counted_sources(data)})


def named_sources(data: Livelihood, seen: Sequence[str]) -> list[str]:
    """Sources of object counts; where there are none, of band summaries among those that are seen."""
    encoders = {name: data.source(name).encoder for name in seen}
    summed = [name for name, chosen in encoders.items() if chosen and chosen.name == "summary"]
    return counted_sources(data) or summed


def named_columns(data: Livelihood, sources: Sequence[str]) -> dict[str, str]:
    """Columns of the feature tables by what a reader calls them."""
    found: dict[str, str] = {}
    for name in sources:
        before = f"{name}: " if len(sources) > 1 else ""
        columns = [f"{name}_{column}" for column in data.features(name).columns]
        if data.source(name).detections_of is not None:
            spoken = {said: str(own[0]) for said, own in explanation.object_groups(columns).items()}
        else:
            spoken = _bands(data, name, columns)
        found |= {f"{before}{said}": column for said, column in spoken.items()}
    return found


def _bands(data: Livelihood, name: str, columns: Sequence[str]) -> dict[str, str]:
    """Mean and spread of each band of a source of summaries."""
    store = FeatureStore(data.space.path(data.features_stage(name)))
    split = [str(feature).split("_", 1) for feature in store.manifest["feature_names"]]
    return {
        f"{kind} of {band.replace('band', 'band ')}": column
        for (band, kind), column in zip(split, columns)
        if kind in _SAID
    }


def followed(
    data: Livelihood, surveyed: pd.DataFrame, names: Sequence[str] | None, *, most: int
) -> list[Followed]:
    """What to follow a map along.

    Parameters
    ----------
    data
        The project's data.
    surveyed
        What the map's model sees at the surveyed places.
    names
        Object classes, the strongest first. Without: the mean of the first band of each source of summaries,
        with which all other features of the source go as they do from place to place; alone it would make
        light of a colour that no place has.
    most
        How many.
    """
    sees = [name for name in data.sources if any(surveyed.columns.str.startswith(f"{name}_"))]
    if names is not None:
        known = named_columns(data, counted_sources(data))
        kept = [name for name in names if known[name] in surveyed.columns][:most]
        return [Followed(name, known[name], _ends(surveyed[known[name]])) for name in kept]
    found = []
    for source in named_sources(data, sees)[:most]:
        said, lead = next(iter(_bands(data, source, _own(surveyed, data, source)).items()))
        found.append(
            Followed(f"{source}: {said}", lead, _knots(surveyed[_own(surveyed, data, source)], lead))
        )
    return found


def _own(surveyed: pd.DataFrame, data: Livelihood, source: str) -> list[str]:
    own = {f"{source}_{column}" for column in data.features(source).columns}
    return [column for column in surveyed.columns if column in own]


def _ends(values: pd.Series) -> pd.DataFrame:
    """The ends of nearly all values; of what few places have, the ends of all."""
    ends = values.quantile(list(_RANGE))
    ends = values.agg(["min", "max"]) if ends.iloc[0] == ends.iloc[-1] else ends
    return pd.DataFrame({values.name: ends.to_numpy()}, index=ends.to_numpy())


def _knots(features: pd.DataFrame, lead: str) -> pd.DataFrame:
    """Means of all features over places with about the same value of one."""
    bins = pd.qcut(features[lead], _KNOTS, labels=False, duplicates="drop")
    return features.groupby(bins).mean().set_index(lead, drop=False).sort_index()
