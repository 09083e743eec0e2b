"""Agreement with captum's TCAV where it is right, and the difference where its documentation is not."""

import numpy as np
import pytest
import torch
from torch import nn

from geolivelihood.explanation.concepts import (
    concept_values,
    layer_activations,
    layer_gradients,
    linear_head,
    mean_sensitivity,
    positive_magnitude_share,
    sign_count,
)

concept = pytest.importorskip("captum.concept")
attr = pytest.importorskip("captum.attr")

WEIGHTS = np.random.default_rng(5).normal(size=(1, 6))


class Given(concept.Classifier):
    """A classifier whose vector is known."""

    def __init__(self):
        pass

    def train_and_eval(self, dataloader, **options):
        return {"accs": 1.0}

    def weights(self):
        return torch.tensor(np.vstack([-WEIGHTS, WEIGHTS]))

    def classes(self):
        return [0, 1]


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 1)
    ).eval()


def interpret(network, images, folder, layer, method, **options):
    sets = [[concept.Concept(0, "chance", [images[:2]]), concept.Concept(1, "lake", [images[:2]])]]
    tcav = concept.TCAV(
        network, layer, classifier=Given(), layer_attr_method=method, save_path=str(folder), model_id="m"
    )
    found = tcav.interpret(images, sets, **options)["0-1"][layer]
    return {key: float(value[1]) for key, value in found.items()}


def test_sensitivities(network, tmp_path):
    images = torch.rand(9, 3, 8, 8)
    theirs = interpret(network, images, tmp_path, "3", None)
    ours = layer_gradients(network, images, layer="3") @ WEIGHTS.T
    assert theirs["sign_count"] == pytest.approx(sign_count(ours)[0])
    assert theirs["magnitude"] == pytest.approx(mean_sensitivity(ours)[0], abs=1e-6)
    # what their documentation calls magnitude is another number
    assert abs(positive_magnitude_share(ours)[0] - theirs["magnitude"]) > 0.01


def test_values_image_by_image(network, tmp_path):
    images, black = torch.rand(4, 3, 8, 8), torch.zeros(1, 3, 8, 8)
    method = attr.LayerIntegratedGradients(network, None, multiply_by_inputs=True)
    theirs = [
        interpret(network, images[k : k + 1], tmp_path, "3", method, baselines=black, n_steps=5)["magnitude"]
        for k in range(4)
    ]
    features = layer_activations(network, torch.cat([images, black]), layer="3")
    ours = concept_values(features[:4], features[4], linear_head(network).weights, WEIGHTS)
    assert np.allclose(ours[:, 0], theirs, atol=1e-5)
