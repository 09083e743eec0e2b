"""What the map's model goes by: its sources, what the pictures show, a small tree; kept as stages."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import pandas as pd

from geolivelihood import validation
from geolivelihood.errors import EnvironmentMissingError, InputError
from geolivelihood.progress import stage as begin
from geolivelihood.recipes import explaining
from geolivelihood.recipes.builders import GEOGRAPHIC
from geolivelihood.recipes.lineup import LineUp
from geolivelihood.recipes.named import counted_choice, counted_sources, named_sources
from geolivelihood.recipes.people import People
from geolivelihood.recipes.settings import ModelChoice
from geolivelihood.recipes.workspace import Stage

__all__ = ["Explained", "MapTree"]

T = TypeVar("T")
_TABLES = ("ridge", "boosting", "cell")  # models whose features are columns
_NETWORK_FROM = 1000  # clusters from which ``head: auto`` of the cell model is a network
_COLUMNS = (
    *("indicator", "kind", "model", "method", "name", "importance", "lower", "upper", "se"),
    *("n_rows", "n_blocks", "r2"),
)


class MapTree(NamedTuple):
    """A map repeated in a few questions.

    Attributes
    ----------
    svg
        The drawing.
    fidelity
        R² of the tree's answers against the map, on cells it had not seen.
    leaves
        ``rule``, ``n``, ``share``, ``mean``, ``sd`` of each answer.
    """

    svg: bytes
    fidelity: float
    leaves: pd.DataFrame


class Explained:
    """Importances, curves and a tree. They say what models use to predict, never what causes what.

    Parameters
    ----------
    lineup
        The project's models; the folds are those of the blocked split.
    people
        Population of the cells: curves and tree are of people where it is known.

    Attributes
    ----------
    missing
        What could not be explained, and why, a sentence each.
    """

    def __init__(self, lineup: LineUp, people: People) -> None:
        self.lineup = lineup
        self.data = lineup.data
        self.people = people
        self.missing: list[str] = []

    # -- what there is to explain -------------------------------------------------------------------

    @property
    def wanted(self) -> bool:
        """Whether the project wants it, and its map is made from pictures."""
        project = self.lineup.project
        return bool(project.explanations and project.models and self.choice.name not in GEOGRAPHIC)

    @property
    def choice(self) -> ModelChoice:
        """The model of the map."""
        return self.lineup.map_choice

    @property
    def boosting(self) -> ModelChoice | None:
        """The model of trees whose predictions are shared out: the map's, else the line-up's first."""
        trees = [model for model in self.lineup.project.models if model.name == "boosting"]
        return self.choice if self.choice in trees else next(iter(trees), None)

    @property
    def network(self) -> bool:
        """Whether the map's model is a network, too slow to be trained without each of its sources."""
        if self.choice.name != "cell":
            return self.choice.name == "graph"
        head = self.choice.options.get("head", "auto")
        if head != "auto" or (self.data.planning and not self.data.space.done(self.data.clusters_stage)):
            return head in ("mlp", "graph")  # a plan reads nothing, and may take a network for a linear head
        return len(self.data.clusters) >= _NETWORK_FROM

    @property
    def unit(self) -> str:
        """Unit of what is shown in the pictures."""
        return "mean number per photo" if self._counted else "in the units of the raster"

    @property
    def company(self) -> str:
        """What goes along with a value of it."""
        return (
            "" if self._counted else ", and the source's other features as they are at places of this value"
        )

    def spread(self, indicator: str) -> float:
        """Standard deviation of the map's cells."""
        return float(self.lineup.cell_predictions(indicator).std())

    @property
    def _by_source(self) -> bool:
        sources = self.data.seen_by(self.choice)
        return len(sources) > 1 and self.choice.name in (*_TABLES, "graph")

    @property
    def _counted(self) -> bool:
        return bool(counted_sources(self.data))

    @property
    def _named(self) -> bool:
        return bool(named_sources(self.data, self.data.seen_by(self.choice)))

    @property
    def _curved(self) -> bool:
        sees = self.data.seen_by(self.choice)
        named = set(sees) & set(named_sources(self.data, sees))
        return bool(named) and self.choice.name in _TABLES and self.choice.options.get("head") != "graph"

    # -- stages -------------------------------------------------------------------------------------

    def stages(self) -> list[Stage]:
        """Every stage of it, in order."""
        if not self.wanted:
            return []
        wanted: list[tuple[bool, Callable[[str], Stage]]] = [
            (self._counted, self._counted_stage),
            (self._curved, self._curves_stage),
            (self._named, self._tree_stage),
            (self.boosting is not None, self._shapley_stage),
        ]
        found: list[Stage] = []
        for one in self.lineup.indicators:
            found += self._sources_stages(one) if self._by_source else []
            found += [stage(one) for there, stage in wanted if there]
        return list(dict.fromkeys(found))

    def _sources_stages(self, indicator: str) -> list[Stage]:
        """One for a network; else the cross-validation of the model without each source."""
        if self.network:
            return [self._averages_stage(indicator)]
        names = self.data.seen_by(self.choice)
        others = [explaining.without_source(self.data, self.choice, name) for name in names]
        return [self.lineup.score_stage(other, "blocked", indicator) for other in others]

    def _averages_stage(self, indicator: str) -> Stage:
        name = f"explain-sources-{self.choice.key}"
        return self.lineup.fit_stage(name, self.choice, indicator, self._folds(indicator))

    def _counted_stage(self, indicator: str) -> Stage:
        choice = counted_choice(self.data)
        return self.lineup.fit_stage("explain-objects", choice, indicator, self._folds(indicator))

    def _curves_stage(self, indicator: str) -> Stage:
        learned = self.lineup.learned_with(self.choice, indicator)
        counted = [self._counted_stage(one).key for one in learned] if self._counted else []
        depends = [counted, self.people.stage]
        return self.lineup.fit_stage(f"explain-curves-{self.choice.key}", self.choice, indicator, *depends)

    def _tree_stage(self, indicator: str) -> Stage:
        label = self.lineup.project.output.labels.get(indicator)
        shown = named_sources(self.data, self.data.seen_by(self.choice))
        stages = [self.data.features_stage(name) for name in shown]
        depends = [self.lineup.map_stage(indicator), self.people.stage, label, *stages]
        return self.data.space.stage(f"explain-tree-{indicator}", *depends)

    def _shapley_stage(self, indicator: str) -> Stage:
        choice = self._trees()
        depends = self.lineup.project.validation.block_resolution
        return self.lineup.fit_stage(f"explain-shapley-{choice.key}", choice, indicator, depends)

    def _folds(self, indicator: str) -> Stage:
        return self.lineup.score_stage(self.choice, "blocked", indicator)

    def _trees(self) -> ModelChoice:
        if self.boosting is None:
            msg = "The line-up has no boosting model, so there are no trees to explain."
            raise InputError(msg)
        return self.boosting

    # -- what comes out -----------------------------------------------------------------------------

    @cached_property
    def importance(self) -> pd.DataFrame:
        """Importances of every kind.

        Returns
        -------
        pandas.DataFrame
            ``indicator``; ``kind`` (``source`` of the map's model, ``object`` in the pictures, ``shapley``);
            ``model``; ``method``; ``name``; ``importance`` (R² lost on unseen blocks; Shapley values: unit of
            the indicator); ``lower``, ``upper``, ``se`` over blocks; ``n_rows``, ``n_blocks``; ``r2`` of the
            model on unseen blocks. Empty where there is nothing to explain.
        """
        makers = [self.sources, self.objects, self.shapley] if self.wanted else []
        parts = [made for one in self.lineup.indicators for make in makers if len(made := make(one))]
        if not parts:
            return pd.DataFrame(columns=list(_COLUMNS))
        return pd.concat(parts, ignore_index=True).reindex(columns=list(_COLUMNS))

    def sources(self, indicator: str) -> pd.DataFrame:
        """What the map's model would lose without each of its sources; rows of :attr:`importance`."""
        if not self._by_source:
            return pd.DataFrame()
        begin(f"asking what the map of {indicator} owes to each source")
        what = "importance of the sources"
        if self.network:
            measure = partial(explaining.averaged_losses, self.lineup, self.choice, indicator)
            table = self._kept(self._averages_stage(indicator), indicator, measure, what)
        else:
            table = self._tried(partial(explaining.dropped_losses, self.lineup, self.choice, indicator), what)
        method = "average told" if self.network else "drop-column"
        return self._rows(table, indicator, "source", self.choice, method)

    def objects(self, indicator: str) -> pd.DataFrame:
        """What a linear model of object counts alone goes by; rows of :attr:`importance`."""
        if not self._counted:
            return pd.DataFrame()
        begin(f"asking which objects go with {indicator}")
        measure = partial(explaining.counted_losses, self.lineup, indicator)
        table = self._kept(self._counted_stage(indicator), indicator, measure, "importance of objects")
        return self._rows(table, indicator, "object", None, "permutation")

    def shapley(self, indicator: str) -> pd.DataFrame:
        """How far each input moves the predictions of the boosting model; rows of :attr:`importance`."""
        if self.boosting is None:
            return pd.DataFrame()
        begin(f"sharing out predictions of {indicator}")
        measure = partial(explaining.shapley_sizes, self.lineup, self.boosting, indicator)
        table = self._kept(self._shapley_stage(indicator), indicator, measure, "Shapley values")
        return self._rows(table, indicator, "shapley", self.boosting, "Shapley values")

    def _rows(
        self, table: pd.DataFrame | None, indicator: str, kind: str, model: ModelChoice | None, method: str
    ) -> pd.DataFrame:
        """Rows of :attr:`importance`; no model stands for the linear one of objects alone."""
        if table is None:
            return pd.DataFrame()
        about = {"indicator": indicator, "kind": kind, "method": method}
        if model is None:
            return table.assign(**about, model="ridge on objects alone")
        return table.assign(**about, model=model.key, r2=self._r2(model, indicator))

    def curves(self, indicator: str) -> pd.DataFrame | None:
        """Partial dependence of the map on what its model sees and a reader can name."""
        learned = self.lineup.learned_with(self.choice, indicator)
        if not self._curved or (self._counted and any(self.objects(one).empty for one in learned)):
            return None
        begin(f"following what the map of {indicator} goes by")

        def measure() -> pd.DataFrame:
            strongest = {one: list(self.objects(one)["name"]) if self._counted else None for one in learned}
            weights = explaining.cell_weights(self.lineup, self.people)
            return explaining.map_curves(self.lineup, self.choice, strongest, weights)

        return self._kept(self._curves_stage(indicator), indicator, measure, "curves")

    def tree(self, indicator: str) -> MapTree | None:
        """The map in three questions; ``None`` where nothing in the pictures has a name."""
        if not self._named:
            return None
        begin(f"repeating the map of {indicator} in three questions")

        def build(folder: Path) -> None:
            made = explaining.grown_tree(self.lineup, indicator, self.people)
            (folder / "tree.svg").write_bytes(made.to_svg())
            (folder / "tree.json").write_text(json.dumps({"fidelity": made.fidelity}), encoding="utf-8")
            made.leaves.to_parquet(folder / "leaves.parquet")

        path = self._tried(partial(self.data.space.make, self._tree_stage(indicator), build), "tree")
        if path is None:
            return None
        fidelity = json.loads((path / "tree.json").read_text(encoding="utf-8"))["fidelity"]
        return MapTree((path / "tree.svg").read_bytes(), fidelity, pd.read_parquet(path / "leaves.parquet"))

    def _kept(
        self, stage: Stage, indicator: str, measure: Callable[[], pd.DataFrame], what: str
    ) -> pd.DataFrame | None:
        """The stage's rows of an indicator: a joint model has those of all."""

        def build(folder: Path) -> None:
            measure().to_parquet(folder / "table.parquet")

        path = self._tried(partial(self.data.space.make, stage, build), what)
        if path is None:
            return None
        table = pd.read_parquet(path / "table.parquet")
        return table[table["indicator"].eq(indicator)].reset_index(drop=True)

    def _tried(self, make: Callable[[], T], what: str) -> T | None:
        """What is made; ``None``, with a sentence among the missing, where it cannot be."""
        try:
            return make()
        except (EnvironmentMissingError, InputError) as error:
            said = f"No {what}: {error}"
            if said not in self.missing:
                self.missing.append(said)
            return None

    def _r2(self, choice: ModelChoice, indicator: str) -> float:
        table = self.lineup.out_of_fold(choice, "blocked", indicator)
        return validation.r2(table["observed"], table["predicted"])
