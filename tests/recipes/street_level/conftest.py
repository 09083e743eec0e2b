from __future__ import annotations

import pytest

from geolivelihood.synthetic.street_level import make_street_level


@pytest.fixture(scope="session")
def street(tmp_path_factory):
    """Two small countries in the published layout; do not write into it."""
    return make_street_level(tmp_path_factory.mktemp("street") / "data", clusters=(50, 25), seed=2)


@pytest.fixture(scope="session")
def few(tmp_path_factory):
    """The smallest such data, for models that look at every picture."""
    return make_street_level(tmp_path_factory.mktemp("few") / "data", clusters=(20, 20), seed=2)
