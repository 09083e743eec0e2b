"""Where people live: population and density of the map's cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood import cells as h3cells
from geolivelihood.recipes.livelihood import Livelihood
from geolivelihood.recipes.workspace import Stage, fingerprint

__all__ = ["DENSE_KM2", "People"]

DENSE_KM2 = 300
"""People per square kilometre from which a place counts as dense: that of urban clusters in DEGURBA."""


class People:
    """People of the map's cells, as far as the project has a population raster.

    Parameters
    ----------
    data
        The project's data.
    """

    def __init__(self, data: Livelihood) -> None:
        self.data = data
        settings = data.project.regions
        self._raster = data.project.input(settings.population) if settings and settings.population else None
        self._found: pd.Series | None = None

    @property
    def raster(self) -> Path | None:
        """The population raster."""
        return self._raster

    @property
    def known(self) -> bool:
        """Whether there is a population raster."""
        return self._raster is not None

    @property
    def stage(self) -> Stage | None:
        """Counting the people of the cells."""
        if self._raster is None:
            return None
        return self.data.space.stage("population", self.data.cells_stage, fingerprint([self._raster]))

    @property
    def of_cells(self) -> pd.Series:
        """People of each cell; without a raster every cell counts the same."""
        if self._found is None:
            self._found = self._counted()
        return self._found

    def _counted(self) -> pd.Series:
        stage = self.stage
        if stage is None:
            index = pd.Index(self.data.cells, name="cell")
            return pd.Series(1.0, index=index, name="population")
        path = self.data.space.make(stage, self._count)
        return pd.read_parquet(path / "population.parquet")["population"]

    def _count(self, folder: Path) -> None:
        found = h3cells.cell_population(self.data.cells, str(self._raster))
        found.to_frame().to_parquet(folder / "population.parquet")

    @property
    def density_km2(self) -> npt.NDArray[np.float64]:
        """People per square kilometre of each cell."""
        area_km2 = np.asarray(h3cells.cell_areas(self.data.cells), dtype=float) / 1e6
        return self.of_cells.to_numpy() / area_km2
