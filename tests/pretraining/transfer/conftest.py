"""What several tests need once: small scenes, and models that were trained on them for a moment."""

from __future__ import annotations

import geopandas as gpd
import pytest
import torch

from geolivelihood.pretraining.transfer import Detector, Segmenter

from .squares import country

SCENES = {"side": 32, "squares": 1, "sides": (10, 16)}
SMALL = {
    "backbone": "resnet18",
    "window": 32,
    "crops_per_image": 1,
    "batch_size": 4,
    "learning_rate": 2e-3,
    "device": "cpu",
}
ANCHORS = (12, 24, 48, 96, 192)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def training(tmp_path_factory) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    return country(tmp_path_factory.mktemp("training"), scenes=12, **SCENES)


@pytest.fixture(scope="session")
def held_out(tmp_path_factory) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    return country(tmp_path_factory.mktemp("held"), scenes=4, seed=1, **SCENES)


@pytest.fixture(scope="session")
def segmenter(training) -> Segmenter:
    """Trained for some seconds; it knows squares."""
    torch.set_num_threads(1)
    return Segmenter("fcn", max_epochs=10, **SMALL).fit(*training)


@pytest.fixture(scope="session")
def detector(training) -> Detector:
    """Trained for two steps: what it finds is arbitrary, where it says it lies is not."""
    torch.set_num_threads(1)
    images, labels = training
    options = SMALL | {"learning_rate": 1e-4}
    return Detector(anchors=ANCHORS, channels=16, max_epochs=1, **options).fit(images[:8], labels)
