"""Activations and gradients of layers: against captum, with in-place layers, and a cache that knows."""

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from geolivelihood.errors import InputError
from geolivelihood.explanation.concepts import (
    concept_values,
    layer_activations,
    layer_gradients,
    linear_head,
)


class Tiny(nn.Module):
    """Convolution, batch normalisation, an in-place ReLU, pooling and a linear head."""

    def __init__(self, outputs=1):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4, outputs)

    def forward(self, x):
        return self.fc(self.pool(self.relu(self.norm(self.conv(x)))).flatten(1))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Tiny().eval()


@pytest.fixture
def images():
    return torch.rand(5, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def test_activations_are_taken_before_a_layer_overwrites_them(network, images):
    found = layer_activations(network, images, layer="norm", pool="none")
    assert found.shape == (5, 4 * 36) and found.min() < 0  # the ReLU behind works in place
    with torch.no_grad():
        assert np.allclose(found, network.norm(network.conv(images)).flatten(1), atol=1e-6)


def test_a_function_that_overwrites_its_input_falsifies_nothing(images):
    class Hasty(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            out = self.conv(x)
            out -= 0.2
            return out.relu_().square().mean(dim=(2, 3)).sum(dim=1)

    torch.manual_seed(0)
    model = Hasty().eval()
    with torch.no_grad():
        maps = model.conv(images)
    found = layer_activations(model, images, layer="conv", pool="none")
    assert np.allclose(found, maps.flatten(1), atol=1e-6)
    slopes = layer_gradients(model, images, layer="conv", pool="none")
    assert np.allclose(slopes, (2 * (maps - 0.2).clamp_min(0) / 36).flatten(1), atol=1e-6)


def test_pooled_activations_and_inputs_of_the_head_are_the_same(network, images):
    pooled = layer_activations(network, images, layer="relu", batch_size=2)
    assert np.allclose(pooled, layer_activations(network, images, layer="fc", inputs=True), atol=1e-6)


def test_gradients_agree_with_captum(network, images):
    attr = pytest.importorskip("captum.attr")
    plain = layer_gradients(network, images, layer="conv", pool="none", batch_size=2)
    theirs = attr.LayerGradientXActivation(network, network.conv, multiply_by_inputs=False).attribute(images)
    assert np.allclose(plain, theirs.flatten(1).detach(), atol=1e-6)
    # moving a pooled activation moves the map everywhere
    pooled = layer_gradients(network, images, layer="conv")
    assert np.allclose(pooled, theirs.sum(dim=(2, 3)).detach(), atol=1e-6)


def test_the_slope_of_a_linear_head_is_its_weights(network, images):
    head = linear_head(network)
    slopes = layer_gradients(network, images, layer="pool")
    assert head.layer == "fc" and np.allclose(slopes, head.weights, atol=1e-6)
    features = layer_activations(network, images, layer="pool")
    with torch.no_grad():
        assert np.allclose(features @ head.weights + head.intercept, network(images)[:, 0], atol=1e-6)


def test_the_closed_form_is_integrated_gradients(network, images):
    attr = pytest.importorskip("captum.attr")
    theirs = attr.LayerIntegratedGradients(network, network.pool).attribute(
        images, torch.zeros_like(images), n_steps=5
    )
    vectors = np.random.default_rng(0).normal(size=(3, 4))
    ours = concept_values(
        layer_activations(network, images, layer="pool"),
        layer_activations(network, torch.zeros(1, 3, 8, 8), layer="pool")[0],
        linear_head(network).weights,
        vectors,
    )
    assert np.allclose(ours, theirs.flatten(1).detach().numpy() @ vectors.T, atol=1e-5)


def test_the_model_is_left_as_it_was_found(network, images):
    network.train()
    network.conv.eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    layer_activations(network, images, layer="norm")
    layer_gradients(network, images, layer="norm")
    with pytest.raises(RuntimeError):
        layer_gradients(network, images[:, :2], layer="norm")
    assert network.training and network.norm.training and not network.conv.training
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert not any(part._forward_hooks for part in network.modules())
    assert all(value.grad is None for value in network.parameters())


def test_classes_are_explained_by_their_contrast(images):
    torch.manual_seed(0)
    two, four = Tiny(2), Tiny(4)
    odds = linear_head(two, target=1)
    assert np.allclose(odds.weights, (two.fc.weight[1] - two.fc.weight[0]).detach(), atol=1e-7)
    each = [linear_head(four, target=k).weights for k in range(4)]
    assert np.allclose(np.sum(each, axis=0), 0, atol=1e-7)
    logit = linear_head(four, target=2, outputs="values")
    assert np.allclose(logit.weights, four.fc.weight[2].detach())
    slopes = layer_gradients(four, images, layer="pool", target=3)
    assert np.allclose(slopes, each[3], atol=1e-6)


def test_estimators_speak_in_target_units(images):
    from geolivelihood.models import ImageRegressor
    from geolivelihood.models.image_network import ImageNetwork
    from geolivelihood.models.training import TargetScale

    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = ImageRegressor(size=8)
    model.network_, model.target_scale_ = ImageNetwork(body, 4), TargetScale(10.0, 2.5)
    pixels = (images * 255).to(torch.uint8)
    head = linear_head(model)
    features = layer_activations(model, pixels, layer="head", inputs=True)
    with torch.no_grad():
        wanted = model.target_scale_.restore(model.network_.pictures(pixels)[:, 0].numpy())
    assert np.allclose(features @ head.weights + head.intercept, wanted, atol=1e-5)
    assert np.allclose(layer_gradients(model, pixels, layer="backbone"), head.weights, atol=1e-6)


def test_tokens_are_averaged_over_places():
    model = torchvision.models.vit_b_16(weights=None)
    model.encoder.layers = model.encoder.layers[:1]
    layer = "encoder.layers.encoder_layer_0"
    pictures = torch.zeros(1, 3, 224, 224)
    assert layer_activations(model, pictures, layer=layer).shape == (1, 768)
    assert layer_gradients(model, pictures, layer=layer, target=0).shape == (1, 768)


def test_the_cache_knows_pictures_layer_and_weights(network, images, tmp_path):
    first = layer_activations(network, images, layer="conv", cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    (file,) = tmp_path.iterdir()
    np.save(file, first + 1)  # what is kept is what comes back
    assert np.allclose(layer_activations(network, images, layer="conv", cache=tmp_path), first + 1)
    layer_activations(network, images.flip(0), layer="conv", cache=tmp_path)
    layer_activations(network, images, layer="pool", cache=tmp_path)
    with torch.no_grad():
        network.conv.weight += 1
    changed = layer_activations(network, images, layer="conv", cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 4 and not np.allclose(changed, first)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "layer4"}, "no layer 'layer4'. It has: conv, norm, relu, pool, fc"),
        ({"layer": "conv", "pool": "max"}, "'mean' or 'none'"),
        ({"layer": "conv", "batch_size": 0}, "below 1"),
    ],
)
def test_what_cannot_be_read(network, images, options, message):
    with pytest.raises(InputError, match=message):
        layer_activations(network, images, **options)


def test_other_bad_input(network, images):
    with pytest.raises(InputError, match="'mean' or 'none'"):
        layer_gradients(network, images, layer="conv", pool="max")
    again = nn.Sequential(network.conv, network.relu, nn.Conv2d(4, 1, 3), network.relu, nn.Flatten())
    for read in (layer_activations, layer_gradients):
        with pytest.raises(InputError, match="layer '1' answers 2 times"):
            read(again, images, layer="1")
    with pytest.raises(InputError, match="no picture"):
        layer_activations(network, images[:0], layer="conv")
    with pytest.raises(InputError, match="not finite"):
        layer_activations(network, images * np.nan, layer="conv")
    with pytest.raises(InputError, match="or for a torch module; got str"):
        layer_activations("resnet18", images, layer="conv")
    with pytest.raises(InputError, match="has 4 classes"):
        linear_head(Tiny(4))
    with pytest.raises(InputError, match="has the targets 0, 1, 2, 3"):
        linear_head(Tiny(4), target=4)
    with pytest.raises(InputError, match="no linear layer"):
        linear_head(nn.Conv2d(3, 1, 3))
