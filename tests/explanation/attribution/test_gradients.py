"""Pixel methods against the published vectors and against captum."""

import numpy as np
import pytest
import torch
from captum.attr import (
    DeepLift,
    DeepLiftShap,
    GuidedBackprop,
    IntegratedGradients,
    LayerGradCam,
    Occlusion,
)
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from geolivelihood.errors import InputError
from geolivelihood.explanation.attribution import (
    attribute,
    deprocessed,
    guided_gradients,
    shapley_blocks,
)
from geolivelihood.explanation.attribution.max_pooling import pooling_slope
from geolivelihood.explanation.attribution.work import interpolation

BACKGROUND = torch.tensor([[0, 1, 0.5], [0.5, 0, -1]]).reshape(2, 1, 1, 3)


def row(*values):
    return torch.tensor(values).reshape(1, 1, 1, -1).float()


def linear(*rows, bias=None):
    layer = nn.Linear(len(rows[0]), len(rows), bias=bias is not None)
    layer.weight.data = torch.tensor(rows)
    if bias is not None:
        layer.bias.data = torch.tensor(bias)
    return layer


@pytest.mark.parametrize("method", ["gradient_shap", "deep_shap"])
def test_vector_of_shap_on_a_linear_model(method):
    network = nn.Sequential(nn.Flatten(), linear([0.5, -1.0, 2.0], bias=[0.1]))
    found = attribute(network, row(1, 2, -0.5), method=method, baseline=BACKGROUND)
    np.testing.assert_allclose(found.maps[0, 0], [0.375, -1.5, -0.5], atol=1e-6)
    assert found.maps.sum() == pytest.approx(-1.625, abs=1e-6) and found.completeness_error < 1e-6


def test_vector_of_the_rescale_rule():
    network = nn.Sequential(nn.Flatten(), linear([0.5, -1.0, 2.0], bias=[0.1]), nn.ReLU())
    found = attribute(network, row(1, -0.5, 0.8), method="deep_shap", baseline=BACKGROUND)
    np.testing.assert_allclose(found.maps[0, 0], [0.327586207, 0.905172414, 1.417241379], atol=1e-6)
    assert found.maps.sum() == pytest.approx(2.65, abs=1e-6)


def test_vector_of_exact_shapley_values():
    network = nn.Sequential(nn.Flatten(), linear([0.5, -1.0, 2.0], bias=[0.1]), nn.ReLU())
    found = attribute(network, row(1, -0.5, 0.8), method="block_shap", baseline=BACKGROUND, patch=1)
    np.testing.assert_allclose(found.maps[0, 0], [0.3125, 0.875, 1.4625], atol=1e-6)
    assert found.completeness_error < 1e-6


def test_drawn_shapley_values_come_near_the_exact_ones_and_add_up(network, pictures, monkeypatch):
    options = {"method": "block_shap", "baseline": pictures[3:], "patch": 6, "batch_size": 64}
    exact = attribute(network, pictures[:2], **options)
    assert exact.maps.shape == (2, 3, 3) and exact.completeness_error < 1e-5
    monkeypatch.setattr(shapley_blocks, "_EXACT", 0)
    drawn = attribute(network, pictures[:2], samples=40, **options)
    assert drawn.completeness_error < 1e-5
    assert np.corrcoef(exact.maps.ravel(), drawn.maps.ravel())[0, 1] > 0.97


def test_vector_of_guided_backpropagation():
    rows = [0.5, -1, 0.3], [-0.4, 0.2, 0.6], [0.7, 0.9, -0.8]
    network = nn.Sequential(nn.Flatten(), linear(*rows), nn.ReLU(), linear([1.2, -0.7, 0.5]))
    found = attribute(network, row(1, -0.5, 2), method="guided_backprop")
    np.testing.assert_allclose(found.maps[0, 0], [0.6, -1.2, 0.36], atol=1e-6)
    assert found.total[0] == pytest.approx(1.43, abs=1e-6)
    plain = attribute(network, row(1, -0.5, 2), method="integrated_gradients", baseline="zero")
    np.testing.assert_allclose(plain.maps[0, 0], [0.88, 0.67, -0.12], atol=1e-6)
    assert deprocessed([0.6, -1, 0.35, 0]).tolist() == [153, 86, 142, 128]


@pytest.mark.parametrize("form", ["module", "function", "in place", "relu6"])
def test_relus_are_guided_however_they_are_written(form):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.relu = linear([1.0, 1], [1, -1]), linear([1.0, -2]), nn.ReLU(inplace=True)

        def forward(self, x):
            x = self.a(x.flatten(1))
            forms = {
                "module": self.relu,
                "function": functional.relu,
                "in place": torch.relu_,
                "relu6": nn.ReLU6(),
            }
            return self.b(forms[form](x))

    found = attribute(Net(), row(3, 1), method="guided_backprop")
    np.testing.assert_allclose(found.maps[0, 0], [1, 1])


def test_guided_backpropagation_agrees_with_captum(plain, pictures):
    theirs = GuidedBackprop(plain).attribute(pictures, target=1)
    ours = guided_gradients(plain, pictures, target=1, outputs="values", batch_size=2)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_relu_that_serves_twice_is_guided_twice(network, pictures):
    """Twins with a ReLU for each use, on which captum is right, have the same guided gradients."""
    twin = unshared(network)
    theirs = GuidedBackprop(twin.eval()).attribute(pictures, target=1)
    np.testing.assert_allclose(
        guided_gradients(network, pictures, target=1, outputs="values"), theirs.detach(), atol=1e-5
    )


def unshared(network):
    """The same small ResNet with a ReLU of its own for every use, none of them in place."""

    class Block(nn.Module):
        def __init__(self, of):
            super().__init__()
            self.of, self.first, self.last = of, nn.ReLU(), nn.ReLU()

        def forward(self, x):
            of = self.of
            return self.last(of.bn2(of.conv2(self.first(of.bn1(of.conv1(x))))) + x)

    body = nn.Sequential(*(Block(block) for block in network.body))
    return nn.Sequential(network.stem, body, network.pool, network.flat, network.fc).eval()


def test_integrated_gradients_agree_with_captum(plain, pictures):
    theirs = IntegratedGradients(plain).attribute(pictures, 0 * pictures, target=2, n_steps=20)
    ours = attribute(
        plain,
        pictures,
        method="integrated_gradients",
        baseline="zero",
        target=2,
        outputs="values",
        steps=20,
        batch_size=2,
    )
    np.testing.assert_allclose(ours.maps, theirs.sum(dim=1).detach(), atol=1e-5)
    np.testing.assert_allclose(
        ours.residual, ours.total - ours.intercept - ours.maps.sum(axis=(1, 2)), atol=1e-12
    )
    assert ours.completeness_error < 0.02 * np.abs(ours.total).max()


def test_integrated_gradients_of_the_pooled_layer_are_the_signed_map(network, pictures):
    """Less that of the baseline; and complete, since the rest of the network is linear."""
    baseline = pictures.flip(0)
    options = {"target": 0, "batch_size": 2}
    ours = attribute(
        network, pictures, method="integrated_gradients", layer="body", baseline=baseline, **options
    )
    signed, other = (attribute(network, x, bias="intercept", **options) for x in (pictures, baseline))
    np.testing.assert_allclose(ours.maps, signed.maps - other.maps, atol=1e-5)
    np.testing.assert_allclose(ours.intercept, other.total, atol=1e-5)
    assert ours.completeness_error < 1e-5


def test_expected_gradients_say_their_error_and_do_not_depend_on_batches(network, pictures):
    options = {"method": "gradient_shap", "baseline": pictures[3:], "random_state": 4}
    few = attribute(network, pictures[:3], samples=32, **options)
    parts = attribute(network, pictures[:3], samples=32, batch_size=2, **options)
    np.testing.assert_allclose(few.maps, parts.maps, atol=1e-6)
    many = attribute(network, pictures[:3], samples=512, **options)
    assert (many.error < 0.5 * few.error).all()
    assert (np.abs(many.residual) < 3 * many.error).all()
    other = attribute(network, pictures[:3], samples=32, **options | {"random_state": 5})
    assert not np.allclose(few.maps, other.maps)


def test_deep_shap_agrees_with_captum_where_relus_serve_once(plain, pictures):
    theirs = DeepLiftShap(plain).attribute(pictures[:2], pictures[2:], target=1)
    ours = attribute(
        plain, pictures[:2], method="deep_shap", baseline=pictures[2:], target=1, outputs="values"
    )
    np.testing.assert_allclose(ours.maps, theirs.sum(dim=1).detach(), atol=1e-5)


@pytest.mark.parametrize("pool", [2, 3, None])
def test_deep_shap_adds_up_with_shared_relus_and_overlapping_pools(make_resnet, pictures, pool):
    """Captum agrees without pooling, is off with it, and refuses a ReLU that serves twice."""
    network = make_resnet(pool=pool or 2)
    if pool is None:
        network.stem = network.stem[:2]
    options = {"method": "deep_shap", "target": 1, "outputs": "values"}
    ours = attribute(network, pictures[:1], baseline=pictures[1:2], **options)
    with torch.no_grad():
        score, other = network.eval()(pictures[:2])[:, 1].tolist()
    assert ours.maps.sum() == pytest.approx(score - other, abs=1e-6)
    twin = DeepLift(unshared(network)).attribute(pictures[:1], pictures[1:2], target=1).sum(dim=1).detach()
    if pool is None:
        np.testing.assert_allclose(ours.maps, twin, atol=1e-7)
    else:
        assert abs(twin.sum().item() - (score - other)) > 0.05
    with pytest.raises(RuntimeError, match="used more than"):
        DeepLift(network).attribute(pictures[:1], pictures[1:2], target=1)


def test_shares_of_overlapping_maxima_are_exact():
    torch.manual_seed(0)
    here, there = torch.randn(2, 2, 3, 7, 7).double()
    options = {"kernel": (3, 3), "stride": (2, 2), "padding": (1, 1)}
    change = functional.max_pool2d(here, 3, 2, 1) - functional.max_pool2d(there, 3, 2, 1)
    grad = torch.randn_like(change)
    slope = pooling_slope(here, there, grad, **options)
    torch.testing.assert_close((slope * (here - there)).sum(), (grad * change).sum())
    ties = pooling_slope(torch.ones_like(here), torch.zeros_like(here), torch.ones_like(grad), **options)
    torch.testing.assert_close(ties.sum(), torch.ones_like(grad).sum())


def test_deep_shap_refuses_what_it_cannot_share_out(pictures):
    class Product(nn.Module):
        def forward(self, x):
            return (x.mean(dim=(1, 2, 3)) * x.square().mean(dim=(1, 2, 3)))[:, None]

    with pytest.raises(InputError, match=r"does not add up.*gradient_shap"):
        attribute(Product(), pictures[:1] + 1, method="deep_shap", baseline=pictures[1:])


def test_occlusion_agrees_with_captum_on_its_blocks(plain, pictures):
    theirs = Occlusion(plain).attribute(
        pictures, sliding_window_shapes=(3, 4, 4), strides=(3, 4, 4), target=1, baselines=0.0
    )
    ours = attribute(
        plain,
        pictures,
        method="occlusion",
        baseline="zero",
        patch=4,
        target=1,
        outputs="values",
        batch_size=7,
    )
    np.testing.assert_allclose(ours.maps, theirs[:, 0, ::4, ::4], atol=1e-6)
    assert (ours.start, ours.jump) == (2, 4)
    cut = attribute(plain, pictures[..., :15, :14], method="occlusion", patch=4)
    assert cut.maps.shape == (5, 4, 4)


def test_guided_grad_cam_multiplies_at_the_pixels_where_cells_look(plain, pictures):
    found = attribute(
        plain, pictures, method="guided_grad_cam", target=1, outputs="values", registration="extent"
    )
    fine = guided_gradients(plain, pictures, target=1, outputs="values").sum(axis=1)
    coarse = LayerGradCam(plain, plain.relu2).attribute(pictures, target=1, relu_attributions=True)
    smooth = functional.interpolate(coarse.detach(), pictures.shape[2:], mode="bilinear")[:, 0]
    np.testing.assert_allclose(found.maps, fine * smooth.numpy(), atol=1e-6)
    assert (found.start, found.jump, found.layer) == (0.5, 1.0, "relu2")


def test_interpolation_is_bilinear_at_the_extent_and_shifted_at_the_nodes():
    values = torch.rand(1, 1, 7, 7, dtype=torch.float64)
    ours = (
        interpolation(7, 224, start=16, jump=32) @ values[0, 0] @ interpolation(7, 224, start=16, jump=32).T
    )
    torch.testing.assert_close(ours, functional.interpolate(values, (224, 224), mode="bilinear")[0, 0])
    assert interpolation(7, 224, start=0.5, jump=32)[0].tolist() == [1, 0, 0, 0, 0, 0, 0]


@given(st.integers(1, 12), st.floats(0.5, 40), st.floats(1, 40), st.integers(1, 100))
def test_interpolation_keeps_constants_and_the_values_at_nodes(cells, start, jump, pixels):
    matrix = interpolation(cells, pixels, start=start, jump=jump)
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(pixels, dtype=torch.float64))
    assert (matrix >= 0).all()
    values = start + jump * torch.arange(cells).double()
    at = torch.arange(pixels).double() + 0.5
    torch.testing.assert_close(matrix @ values, at.clamp(values[0].item(), values[-1].item()))


def test_baselines(plain, pictures):
    options = {"method": "integrated_gradients", "target": 1, "steps": 4}
    named = [attribute(plain, pictures, baseline=name, **options) for name in ("mean", "blur", "zero")]
    assert [found.baseline for found in named] == ["mean", "blur", "zero"]
    one = attribute(plain, pictures, baseline=np.zeros((3, 16, 16)), **options)
    np.testing.assert_allclose(one.maps, named[2].maps, atol=1e-7)
    assert (one.baseline, attribute(plain, pictures[:1]).baseline) == ("given picture", "none")
    with pytest.raises(InputError, match="2 pictures for 5 images"):
        attribute(plain, pictures, baseline=pictures[:2], **options)
    with pytest.raises(InputError, match="choose 'mean', 'blur', 'zero'"):
        attribute(plain, pictures, baseline="black", **options)
    with pytest.raises(InputError, match="same bands and size"):
        attribute(plain, pictures, baseline=pictures[..., :8], **options)


def test_pixels_without_data_get_nothing(plain, pictures):
    holes = pictures.clone()
    holes[0, :, :6, :6] = torch.nan
    holes[1] = torch.nan
    found = attribute(plain, holes, method="integrated_gradients", baseline="mean", target=1)
    assert np.isfinite(found.maps).all()
    np.testing.assert_allclose(found.maps[0, :6, :6], 0, atol=1e-6)
    np.testing.assert_allclose(found.maps[1], 0, atol=1e-6)
    assert np.abs(found.maps[0]).sum() > 0.01


def test_networks_without_relu_cannot_be_guided(pictures):
    network = nn.Sequential(
        nn.Conv2d(3, 2, 3), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2)
    )
    with pytest.raises(InputError, match="Sequential has none"):
        attribute(network, pictures, method="guided_backprop")
