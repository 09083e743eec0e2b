"""Provenance documents: times, plain JSON, reading back."""

import numpy as np
import pytest

from geolivelihood.errors import InputError
from geolivelihood.layers import read_provenance
from geolivelihood.layers.provenance import json_ready, moment


def test_the_time_comes_from_the_environment_then_the_document_then_the_start_of_time(monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert moment(None) == "1970-01-01T00:00:00.000Z"
    assert moment({"time": "2026-01-31T14:00:00.250+02:00"}) == "2026-01-31T12:00:00.250Z"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    assert moment({"time": "2020-01-01"}) == "2026-01-01T00:00:00.000Z"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(InputError, match="SOURCE_DATE_EPOCH"):
        moment({})


def test_a_time_that_is_none_is_refused(monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    with pytest.raises(InputError, match="no time"):
        moment({"time": "soon"})


def test_documents_become_plain(tmp_path):
    value = {
        "a": np.float32(0.5),
        "b": np.array([1, 2]),
        "c": {2, 1},
        "d": float("nan"),
        "e": tmp_path,
        3: (None,),
    }
    plain = json_ready(value)
    assert plain == {"a": 0.5, "b": [1, 2], "c": [1, 2], "d": None, "e": str(tmp_path), "3": [None]}


def test_files_that_hold_none(tmp_path):
    with pytest.raises(InputError, match="no file"):
        read_provenance(tmp_path / "a.gpkg")
    (tmp_path / "b.gpkg").write_bytes(b"no database at all, but long enough to be looked at" * 20)
    with pytest.raises(InputError, match="cannot be read"):
        read_provenance(tmp_path / "b.gpkg")
    (tmp_path / "c.gpkg").touch()
    assert read_provenance(tmp_path / "c.gpkg") == {}
