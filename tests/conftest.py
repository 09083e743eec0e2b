"""Fixtures for every room."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def rng() -> np.random.Generator:
    """A seeded generator."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout; tests that need it skip without it."""
    root = Path(__file__).resolve().parents[1]
    named = os.environ.get("GEOLIVELIHOOD_DATA")
    folder = Path(named) if named else root.parent / "shared" / "data"
    if not (folder / "README.md").exists():
        pytest.skip(f"the real data is not at {folder}; set GEOLIVELIHOOD_DATA to its folder")
    return folder
