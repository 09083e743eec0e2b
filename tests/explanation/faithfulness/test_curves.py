"""Deletion and insertion on models whose answer is known."""

import numpy as np
import pytest
import torch
from torch import nn

from geolivelihood.errors import InputError
from geolivelihood.explanation.attribution import Attribution, Scorer, attribute
from geolivelihood.explanation.faithfulness import curve_area, deletion_insertion, random_attributions
from geolivelihood.explanation.faithfulness.cells import at_cells

WEIGHTS = torch.tensor([0.5, -0.2, 0.3, 0.1])


class Additive(nn.Module):
    """f = 0.1 + (0.5, -0.2, 0.3, 0.1)·z, z the mean of each quarter of the picture."""

    def __init__(self, scale=1.0):
        super().__init__()
        self.scale = scale

    def forward(self, x):
        quarters = nn.functional.avg_pool2d(x, 4)[:, 0].flatten(1)
        return (0.1 + quarters @ WEIGHTS)[:, None] * self.scale


def maps(values, *, start=2.0, jump=4.0):
    values = np.asarray(values, dtype=float)
    n = len(values)
    sums, none = values.sum(axis=(1, 2)), np.zeros(n)
    return Attribution(values, sums, none, none, "none", "0", "given", start, jump, (8, 8))


def test_vectors():
    scorer = Scorer(Additive(), torch.ones(1, 1, 8, 8))
    found = deletion_insertion(scorer, maps(WEIGHTS.reshape(1, 2, 2)), baseline="zero")
    np.testing.assert_allclose(found.deletion[0] * 0.7 + 0.1, [0.8, 0.3, 0, -0.1, 0.1], atol=1e-6)
    np.testing.assert_allclose(found.insertion[0] * 0.7 + 0.1, [0.1, 0.6, 0.9, 1.0, 0.8], atol=1e-6)
    assert curve_area(found.deletion * 0.7 + 0.1)[0] == pytest.approx(0.1625, abs=1e-6)
    assert curve_area(found.insertion * 0.7 + 0.1)[0] == pytest.approx(0.7375, abs=1e-6)
    assert found.deletion_area[0] == pytest.approx(0.089285714, abs=1e-6)
    assert found.insertion_area[0] == pytest.approx(0.910714286, abs=1e-6)


def test_random_orders_of_an_additive_model_have_a_half_each():
    scorer = Scorer(Additive(), torch.ones(1, 1, 8, 8))
    like = maps(WEIGHTS.reshape(1, 2, 2))
    areas = [
        deletion_insertion(scorer, noise, baseline="zero")
        for noise in random_attributions(like, draws=300, random_state=1)
    ]
    both = np.array([(found.deletion_area[0], found.insertion_area[0]) for found in areas])
    np.testing.assert_allclose(both.sum(axis=1), 1, atol=1e-6)
    assert abs(both[:, 0].mean() - 0.5) < 0.05


def test_equal_values_go_in_seeded_order():
    scorer = Scorer(Additive(), torch.ones(1, 1, 8, 8))
    flat = maps(np.zeros((1, 2, 2)))
    first, again, other = (
        deletion_insertion(scorer, flat, baseline="zero", random_state=k) for k in (0, 0, 3)
    )
    np.testing.assert_array_equal(first.deletion, again.deletion)
    assert (first.deletion != other.deletion).any()


def test_pictures_like_their_baseline_have_no_curve():
    pictures = torch.cat(
        [torch.ones(3, 1, 8, 8) * torch.tensor([1.0, 2, 3]).reshape(3, 1, 1, 1), torch.zeros(1, 1, 8, 8)]
    )
    scorer = Scorer(Additive(), pictures)
    found = deletion_insertion(scorer, maps(np.zeros((4, 2, 2))), baseline="zero")
    assert np.isnan(found.deletion_area).tolist() == [False, False, False, True]


def test_the_whole_way_down_from_any_layer_and_from_pixels():
    """Maps of pixels are summed over blocks; the last point of every curve is the other picture's."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 3),
    )
    pictures = torch.rand(3, 3, 64, 48)
    scorer = Scorer(network, pictures)
    for method, points in (("signed_cam", 50), ("guided_backprop", 50), ("occlusion", 13)):
        found = attribute(network, pictures, method=method)
        curves = deletion_insertion(scorer, found, steps=None)
        assert curves.deletion.shape == (3, points)
        np.testing.assert_allclose(curves.deletion[:, [0, -1]], [[1, 0]] * 3, atol=1e-4)
        np.testing.assert_allclose(curves.insertion[:, [0, -1]], [[0, 1]] * 3, atol=1e-4)
    whole = at_cells(attribute(network, pictures, method="guided_backprop"))
    assert whole.maps.shape == (3, 14, 11) and whole.jump == pytest.approx(64 / 14)
    with pytest.raises(InputError, match="3 maps for 2 pictures"):
        deletion_insertion(Scorer(network, pictures[:2]), found)
