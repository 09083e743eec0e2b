"""The street-level livelihood study, computed again from data in its published layout.

:func:`reproduce` makes the results table of Lee et al. (2021) [1]_, rows of models by columns of countries
and indicators, in two modes: as published, and with our own models and an honest test. Each stands beside
the published figures.

References
----------
.. [1] Lee et al. (2021), "Predicting Livelihood Indicators from Community-Generated Street-Level Imagery",
   AAAI, arXiv 2006.08661.
"""

from geolivelihood.recipes.street_level.cells import Settings
from geolivelihood.recipes.street_level.data import StreetData, open_street_level
from geolivelihood.recipes.street_level.run import Reproduction, reproduce
from geolivelihood.recipes.street_level.table import shaped

__all__ = ["Reproduction", "Settings", "StreetData", "open_street_level", "reproduce", "shaped"]
