"""Encoders as torch modules give the features that they encode."""

import numpy as np
import pytest
import torch

from geolivelihood.errors import InputError
from geolivelihood.explanation import attribute
from geolivelihood.features import Backbone, BandSummary, Picture, RandomConvolutions, encoder_module


@pytest.fixture
def pictures(rng):
    return rng.integers(0, 256, (4, 3, 24, 20), dtype=np.uint8)


def prepared(encoder, pictures):
    return [encoder.prepare(Picture(pixels, 255.0)) for pixels in pictures]


@pytest.mark.parametrize("kernel", [1, 3, 4])
def test_random_convolutions_are_the_same(pictures, kernel):
    encoder = RandomConvolutions(n_features=32, kernel=kernel)
    arrays = prepared(encoder, pictures)
    encoder = encoder.fit(arrays)
    with torch.no_grad():
        found = encoder_module(encoder)(torch.from_numpy(np.stack(arrays)))
    np.testing.assert_allclose(found, encoder.encode(arrays), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("normalise", ["imagenet", "none"])
def test_a_backbone_is_the_same(pictures, normalise):
    encoder = Backbone("resnet18", size=32, normalise=normalise)
    arrays = prepared(encoder, pictures)
    with torch.no_grad():
        found = encoder_module(encoder)(torch.from_numpy(np.stack(arrays)).float())
    np.testing.assert_allclose(found, encoder.encode(arrays), rtol=1e-4, atol=1e-5)


def test_a_linear_head_on_it_is_mapped_without_a_rest(pictures):
    encoder = RandomConvolutions(n_features=32)
    encoder = encoder.fit(prepared(encoder, pictures))
    network = encoder_module(encoder).append(torch.nn.Linear(32, 1)).eval()
    found = attribute(network, pictures.astype(np.float32))
    assert found.maps.shape == (4, 22, 18)
    assert (found.start, found.jump) == (1.5, 1.0)
    assert found.completeness_error < 1e-5


def test_what_is_no_network_is_refused():
    with pytest.raises(InputError, match=r"'summary' is no network.*'rcf'"):
        encoder_module(BandSummary())
    with pytest.raises(InputError, match="no filters yet"):
        encoder_module(RandomConvolutions())
