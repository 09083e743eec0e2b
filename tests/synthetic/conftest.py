"""One invented country for all tests of this room."""

from __future__ import annotations

import pytest

from geolivelihood.synthetic import Country, make_country


@pytest.fixture(scope="session")
def country(tmp_path_factory: pytest.TempPathFactory) -> Country:
    return make_country(tmp_path_factory.mktemp("synthetic") / "country")
