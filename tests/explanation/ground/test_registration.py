"""Where cells look: section 1 of the specification of georeferenced explanations."""

import logging

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from geolivelihood.errors import InputError
from geolivelihood.explanation.ground.registration import Registration, extent, registration
from geolivelihood.features import RandomConvolutions, encoder_module
from geolivelihood.synthetic.planted import planted_tiles


def network(name):
    torch.manual_seed(0)
    return torchvision.models.get_model(name, weights=None)


@pytest.mark.parametrize(
    ("name", "layer", "expected"),
    [
        ("resnet18", "layer4", (0.5, 32)),
        ("resnet18", "layer2", (0.5, 8)),
        ("mobilenet_v2", "features", (0.5, 32)),
        ("squeezenet1_1", "features", (15.5, 16)),  # pools without padding
    ],
)
def test_convolutional_networks(name, layer, expected):
    found = registration(network(name), layer)
    assert found == expected and found.kind == "receptive_field"


def test_joined_branches_and_mean_pools():
    found = registration(network("densenet121").features[:6], "transition1")
    assert found == (2.5, 8)


def test_patch_transformers_agree_either_way(caplog):
    model = torchvision.models.vision_transformer.VisionTransformer(
        image_size=64, patch_size=16, num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=16
    )
    with caplog.at_level(logging.WARNING):
        found = registration(model, "encoder", size=64)
    assert found == extent(64, 4) == (8, 16) and found.kind == "extent" and not caplog.records


def test_edge_to_edge_is_half_a_jump_off():
    both = [registration(network("resnet18"), "layer4", kind=kind) for kind in ("extent", "receptive_field")]
    assert both[0].start - both[1].start == (32 - 1) / 2 == 15.5


class Shifted(nn.Module):
    """A network whose kernels say one thing and whose cells see another."""

    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3, stride=8, padding=1)

    def forward(self, pixels):
        return self.body(pixels.roll(5, dims=3)).mean(dim=(2, 3))


def test_a_place_that_does_not_check_is_laid_edge_to_edge(caplog):
    with caplog.at_level(logging.WARNING):
        found = registration(Shifted(), "body", size=64)
    assert found == (4, 8) and "edge to edge" in caplog.text


@pytest.mark.parametrize("kernel", [3, 5])
def test_random_filters_on_every_pixel_look_at_their_middle(caplog, kernel):
    """Without padding: edge to edge would be half a kernel off at the borders."""
    made = RandomConvolutions(n_features=64, kernel=kernel, size=64).fit(planted_tiles(8, size=64).images)
    found = registration(encoder_module(made), "rectifier", size=64)
    assert found == Registration(kernel / 2, 1.0) and not caplog.records


def test_padding_of_its_own_and_enlargement():
    padded = nn.Sequential(nn.ZeroPad2d((2, 0, 2, 0)), nn.Conv2d(3, 4, 3, stride=2))
    assert registration(padded, "1", size=64) == (0.5 + 1 - 2, 2)
    enlarged = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ConvTranspose2d(4, 4, 2, stride=2))
    assert registration(enlarged, "1", size=64).kind == "extent"  # not followed: edge to edge


def test_the_network_is_left_as_it_was():
    model = network("resnet18").train()
    model.layer3.eval()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    registration(model, model.layer4)
    assert model.training and not model.layer3.training and model.relu.inplace
    assert not any(part._forward_hooks for part in model.modules())
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    assert all(part.grad is None and part.requires_grad for part in model.parameters())


def test_bad_input():
    model = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Flatten())
    with pytest.raises(InputError, match=r"no layer 'layer9'. Its layers are: 0, 1"):
        registration(model, "layer9")
    with pytest.raises(InputError, match="choose one that gives a map"):
        registration(model, "1")
    with pytest.raises(InputError, match="choose 'receptive_field' or 'extent'"):
        registration(model, "0", kind="field")
    with pytest.raises(InputError, match="square kernels"):
        registration(nn.Sequential(nn.Conv2d(3, 4, 3, stride=(1, 2), padding=1)), "0", size=64)


def test_planted_patterns_are_found_where_they_lie():
    """The map's centroid lies within a pixel of a planted pattern; edge to edge it is 7.5 px off."""
    layers = [nn.Conv2d(1 if k == 0 else 4, 4, 3, stride=2, padding=1, bias=False) for k in range(4)]
    for layer in layers:
        nn.init.constant_(layer.weight, 1 / 9)
    model = nn.Sequential(*layers).double()
    assert registration(model, "3", size=160, channels=1) == (0.5, 16)
    rng = np.random.default_rng(0)
    offsets = {"receptive_field": [], "extent": []}
    for _ in range(40):
        top, left = rng.integers(40, 104, 2)
        picture = torch.zeros(1, 1, 160, 160, dtype=torch.float64)
        picture[..., top : top + 16, left : left + 16] = 1
        with torch.no_grad():
            values = model(picture)[0].sum(dim=0).numpy()
        for kind, found in offsets.items():
            places = registration_of(kind, values.shape[0])
            down, across = (values.sum(axis=axis) @ places / values.sum() for axis in (1, 0))
            found.append((down - top - 8, across - left - 8))
    assert np.abs(np.mean(offsets["receptive_field"], axis=0)).max() <= 1
    assert np.allclose(np.mean(offsets["extent"], axis=0), 7.5, atol=1)


def registration_of(kind, cells):
    known = Registration(0.5, 16.0) if kind == "receptive_field" else extent(160, cells)
    return known.nodes(cells)
