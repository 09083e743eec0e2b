"""Conserving upsampling: vectors of the specification of georeferenced explanations, section 1."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from geolivelihood.errors import InputError
from geolivelihood.explanation.ground.upsampling import conserving_weights, upsample

SIGNED = np.array([[0.2325, 0.1625], [-0.1625, 0.4175]])


def test_edge_to_edge():
    weights = conserving_weights(np.linspace(0, 3, 6), cells=3, start=0.5, jump=1, extent=3)
    assert np.allclose(weights @ [1, 4, -2], [0.615, 1.32, 1.995, 0.24, -1.17], atol=1e-12)


def test_places_of_a_convolution():
    weights = conserving_weights(np.linspace(0, 12, 5), cells=3, start=0.5, jump=4, extent=12)
    expected = [1.66875, 2.447727273, -0.025568182, -1.090909091]
    assert np.allclose(weights @ [1, 4, -2], expected, atol=1e-9)


def test_widths_of_the_hats():
    fine = conserving_weights(np.linspace(0, 12, 12001), cells=3, start=0.5, jump=4, extent=12)
    # a hat divided by its integral has 1 / width at its own place
    assert np.allclose(fine[500] / 0.001, [1 / 2.5, 0, 0], atol=1e-3)
    assert np.allclose(fine[11999] / 0.001, [0, 0, 1 / 5.5], atol=1e-3)
    assert fine[4500, 1] / 0.001 == pytest.approx(1 / 4, abs=1e-3)


def test_signed_map_of_the_schools():
    drawn = upsample(SIGNED, start=0.5, jump=1, size=(2, 2), shape=(3, 3))
    expected = [
        [0.099153164, 0.087129630, 0.075106096],
        [0.017916667, 0.072222222, 0.126527778],
        [-0.063319830, 0.057314815, 0.177949460],
    ]
    assert np.allclose(drawn, expected, atol=1e-9) and drawn.sum() == pytest.approx(0.65, abs=1e-12)


def test_sampled_points_lose_the_sum_unless_the_factor_is_whole():
    line = torch.tensor([[[1.0, 4.0, -2.0]]], dtype=torch.float64)
    sampled = functional.interpolate(line, 5, mode="linear", align_corners=False).numpy().ravel() * 3 / 5
    assert np.allclose(sampled, [0.6, 1.32, 2.4, 0.24, -1.2]) and sampled.sum() == pytest.approx(3.36)
    columns = functional.interpolate(torch.eye(3, dtype=torch.float64)[None], 5, mode="linear")[0].numpy().T
    corrected = columns @ ([1, 4, -2] / columns.sum(axis=0))
    expected = [0.625, 1.263888889, 2.222222222, 0.138888889, -1.25]
    assert np.allclose(corrected, expected, atol=1e-9)
    square = torch.from_numpy(SIGNED)[None, None]
    twice = functional.interpolate(square, (4, 4), mode="bilinear", align_corners=False)[0, 0].numpy() / 4
    assert np.allclose(upsample(SIGNED, start=0.5, jump=1, size=(2, 2), shape=(4, 4)), twice, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    cells=st.integers(1, 12),
    jump=st.floats(0.5, 40),
    shift=st.floats(0, 1),
    beyond=st.floats(0, 1),
    pixels=st.integers(1, 50),
    offset=st.floats(0, 1),
    kernel=st.sampled_from(["hat", "box"]),
)
def test_nothing_is_lost_at_any_size_and_offset(cells, jump, shift, beyond, pixels, offset, kernel):
    extent = jump * (cells - 1 + shift + beyond + 0.1)
    step = extent / pixels
    edges = (np.arange(pixels + 2) - offset) * step
    options = {"cells": cells, "start": jump * shift, "jump": jump, "extent": extent, "kernel": kernel}
    weights = conserving_weights(edges, **options)
    assert np.allclose(weights.sum(axis=0), 1) and weights.min() >= -1e-12


def test_a_pixel_is_its_own_box():
    weights = conserving_weights(np.arange(4), cells=3, start=0.5, jump=1, extent=3, kernel="box")
    assert np.allclose(weights, np.eye(3))


def test_cells_outside_the_picture():
    with pytest.raises(InputError, match=r"do not fit a picture of 100 pixels.*registration='extent'"):
        upsample(np.ones((7, 7)), start=0.5, jump=32, size=(100, 100))
