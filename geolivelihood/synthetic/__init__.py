"""A small invented country with pictures, for the demo and for tests.

:func:`make_country` draws an island from one seed: a wealth field that varies within and between towns,
districts, people, a DHS-like survey with displaced clusters, street photos with heading and detections,
overhead tiles, and the ``project.yaml`` that maps it all. Because it is invented, the truth is known:
:meth:`Country.truth` tells wealth and people in any H3 cell, and ``Country.true_sites`` where the clusters
really are, so that every claim of the library can be checked against what is so. :func:`make_street_level`
writes street photos of two invented countries in the layout that Lee et al. (2021) published.
"""

from geolivelihood.synthetic.country import Country, make_country
from geolivelihood.synthetic.street_level import make_street_level

__all__ = ["Country", "make_country", "make_street_level"]
