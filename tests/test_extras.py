"""Optional packages are asked for by the capability that needs them."""

import pytest

from geolivelihood.errors import EnvironmentMissingError
from geolivelihood.extras import require


def test_a_missing_package_names_its_extra():
    with pytest.raises(EnvironmentMissingError, match=r"pip install 'geolivelihood\[bench\]'"):
        require("a_package_that_is_not_there", extra="bench")


def test_a_package_that_is_there():
    assert require("json", extra="bench").loads("1") == 1
