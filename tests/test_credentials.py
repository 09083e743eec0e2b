"""A token that cannot be one is refused in words that do not repeat it."""

import pytest

from geolivelihood.credentials import mapillary_token
from geolivelihood.errors import InputError


def test_from_the_environment_or_as_given(monkeypatch):
    monkeypatch.setenv("MAPILLARY_TOKEN", " MLY|12345678\n")
    assert mapillary_token() == "MLY|12345678" and mapillary_token("MLY|87654321") == "MLY|87654321"
    monkeypatch.delenv("MAPILLARY_TOKEN")
    with pytest.raises(InputError, match="set the environment variable MAPILLARY_TOKEN"):
        mapillary_token()


@pytest.mark.parametrize("wrong", ["secret token", "secret\r\nHost: x", "sécret123", "abc"])
def test_what_cannot_be_one(wrong):
    with pytest.raises(InputError, match="cannot be one") as caught:
        mapillary_token(wrong)
    assert wrong not in str(caught.value)
