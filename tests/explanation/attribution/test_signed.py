"""The signed map is the prediction, cell by cell."""

import numpy as np
import pytest
import torch
from torch import nn
from torchvision import models

from geolivelihood.errors import InputError
from geolivelihood.explanation.attribution import attribute, signed_cam
from geolivelihood.models import ImageClassifier, ImageRegressor
from geolivelihood.models.image_network import ImageNetwork
from geolivelihood.models.training import TargetScale

A = torch.tensor([[[[1, 0.5], [0, 2]], [[0.2, 0], [1.5, 0.3]]]], dtype=torch.float64)
W = torch.tensor([0.8, -0.6], dtype=torch.float64)


def test_vector_of_the_signed_map():
    maps, intercept = signed_cam(A, W, 0.25)
    np.testing.assert_allclose(maps[0], [[0.2325, 0.1625], [-0.1625, 0.4175]], atol=1e-12)
    assert maps.sum().item() == pytest.approx(0.65) and intercept.item() == 0
    bare, intercept = signed_cam(A, W, 0.25, bias_to="intercept")
    assert bare.sum().item() == pytest.approx(0.4) and intercept.item() == 0.25


def test_the_map_sums_to_the_log_odds(network, pictures):
    found = attribute(network, pictures)
    with torch.no_grad():
        logits = network.eval()(pictures).double()
    np.testing.assert_allclose(found.total, (logits[:, 1] - logits[:, 0]).numpy(), atol=1e-6)
    np.testing.assert_allclose(found.maps.sum(axis=(1, 2)), found.total, atol=1e-5)
    assert found.completeness_error < 1e-5
    assert (found.layer, found.unit, found.maps.shape) == ("body", "log-odds", (5, 8, 8))
    bare = attribute(network, pictures, bias="intercept")
    bias = (network.fc.bias[1] - network.fc.bias[0]).item()
    np.testing.assert_allclose(bare.intercept, bias, atol=1e-7)
    np.testing.assert_allclose(found.maps - bare.maps, bias / 64, atol=1e-7)


def test_classes_sum_to_nothing_and_a_constant_logit_changes_no_map(make_resnet, pictures):
    network = make_resnet(outputs=4)
    maps = [attribute(network, pictures, target=k).maps for k in range(4)]
    np.testing.assert_allclose(sum(maps), 0, atol=1e-6)
    with torch.no_grad():
        network.fc.bias += 100
        network.fc.weight += 3
    np.testing.assert_allclose(attribute(network, pictures, target=2).maps, maps[2], atol=1e-4)


@pytest.mark.parametrize(
    "name", ["resnet18", "convnext_tiny", "mobilenet_v2", "densenet121", "efficientnet_b0", "swin_t"]
)
def test_torchvision_networks_add_up(name):
    torch.manual_seed(0)
    network = models.get_model(name, num_classes=3).eval()
    found = attribute(network, torch.randn(2, 3, 64, 64), target=1, registration="extent")
    assert found.completeness_error < 1e-5 * max(1, np.abs(found.total).max())
    assert found.maps.shape == (2, 2, 2) and np.ptp(found.maps) > 0


def test_a_head_that_is_not_linear_is_refused():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 2))
    with pytest.raises(InputError, match=r"needs a linear head on average-pooled maps.*integrated_gradients"):
        attribute(network, torch.rand(1, 3, 8, 8))
    hidden = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    with pytest.raises(InputError, match="is not given the averages"):
        attribute(nn.Sequential(nn.Conv2d(3, 4, 3), *hidden), torch.rand(1, 3, 8, 8))
    with pytest.raises(InputError, match="not what the linear layer gave"):
        attribute(nn.Sequential(nn.Conv2d(3, 4, 3), *hidden, nn.Tanh()), torch.rand(1, 3, 8, 8))


def estimator(kind, outputs, *, probabilities=False):
    torch.manual_seed(2)
    backbone = nn.Sequential(nn.Conv2d(3, 5, 4, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = kind(size=16)
    model.network_ = ImageNetwork(backbone, 5, outputs=outputs, probabilities=probabilities)
    model.network_.head.weight.data.normal_()
    return model


def test_standardised_targets_come_back_in_their_unit():
    model = estimator(ImageRegressor, 1)
    model.target_scale_ = TargetScale(mean=300.0, scale=40.0)
    pixels = torch.randint(0, 256, (3, 3, 16, 16), dtype=torch.uint8)
    found = attribute(model, pixels)
    with torch.no_grad():
        raw = model.network_.eval().pictures(pixels)[:, 0].double().numpy()
    np.testing.assert_allclose(found.total, 300 + 40 * raw, rtol=1e-6)
    np.testing.assert_allclose(found.intercept, 300)
    np.testing.assert_allclose(found.maps.sum(axis=(1, 2)) + 300, found.total, rtol=1e-6)
    assert (found.layer, found.start, found.jump) == ("backbone.1", 2.0, 4.0)


def test_cells_of_a_resnet_look_where_its_strides_say():
    model = ImageRegressor(size=64)
    model.network_ = model._network(1, weights="random")
    pixels = np.random.default_rng(0).integers(0, 256, (1, 3, 64, 64)).astype(np.uint8)
    found = attribute(model, pixels)
    assert (found.layer, found.start, found.jump) == ("backbone.layer4", 0.5, 32)
    assert found.completeness_error < 1e-5
    assert attribute(model, pixels, registration="extent").start == 16
    assert attribute(model, pixels, registration=(3, 30)).start == 3


def test_classes_go_by_their_names_and_logits_are_explained():
    model = estimator(ImageClassifier, 2, probabilities=True)
    model.classes_ = np.array(["not_school", "school"])
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3, 16, 16)).astype(np.uint8)
    school = attribute(model, pixels, target="school")
    assert school.target == "school" == attribute(model, pixels).target
    with torch.no_grad():
        log_p = model.network_.eval().pictures(torch.from_numpy(pixels)).double().numpy()
    np.testing.assert_allclose(school.total, log_p[:, 1] - log_p[:, 0], atol=1e-5)
    np.testing.assert_allclose(attribute(model, pixels, target="not_school").maps, -school.maps, atol=1e-9)
    with pytest.raises(InputError, match="targets not_school, school"):
        attribute(model, pixels, target="church")
