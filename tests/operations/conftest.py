"""A small country, and a way to ask for an operation as the worker does."""

import json
import logging
from types import SimpleNamespace

import pytest

from geolivelihood.operations import OPERATIONS
from geolivelihood.protocol import Request
from geolivelihood.synthetic import make_country


@pytest.fixture(scope="session")
def country(tmp_path_factory):
    """An invented country in a folder with accents and blanks."""
    return make_country(tmp_path_factory.mktemp("operations") / "un pays été" / "land", n_clusters=60)


@pytest.fixture
def ask(caplog):
    """Run an operation; gives the result event's fields, and what was said as ``said``."""

    def _ask(op, out, options=None, **params):
        caplog.clear()
        plain = json.loads(json.dumps(params, default=str))
        with caplog.at_level(logging.INFO, logger="geolivelihood"):
            result = OPERATIONS[op](SimpleNamespace(request=Request("t", op, plain, out, options or {})))
        json.dumps(result)
        return result | {"said": caplog.text}

    return _ask


def layer(path, name=None):
    """A layer as the plugin gives it."""
    return {"path": str(path), "layer": name}
