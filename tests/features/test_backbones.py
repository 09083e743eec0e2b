"""Any torchvision network gives its pooled features."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file

from geolivelihood.errors import InputError
from geolivelihood.features import Backbone, Picture, backbone_names, headless


@pytest.mark.parametrize(
    ("name", "size", "dim"),
    [
        ("resnet18", 64, 512),
        ("resnet50", 64, 2048),
        ("convnext_tiny", 64, 768),
        ("mobilenet_v3_small", 64, 1024),
        ("efficientnet_b0", 64, 1280),
        ("squeezenet1_1", 64, 512),
        ("densenet121", 64, 1024),
        ("swin_t", 64, 768),
        ("shufflenet_v2_x0_5", 64, 1024),
        ("regnet_y_400mf", 64, 440),
        ("googlenet", 64, 1024),
    ],
)
def test_features_before_the_last_layer(name, size, dim):
    network, found = headless(name, size=size)
    assert found == dim
    with torch.inference_mode():
        assert network(torch.rand(2, 3, size, size)).shape == (2, dim)


def test_transformers_are_built_for_their_size():
    assert headless("vit_b_16", size=32)[1] == 768


def test_headless_network_is_the_full_one_without_its_last_layer():
    torch.manual_seed(3)
    full = torchvision.models.resnet18().eval()
    network, _ = headless("resnet18", size=64, seed=3)
    x = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(full.fc(network(x)), full(x))


def test_seed_and_global_generator():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    a = Backbone("resnet18", size=32, seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert a.weights_hash == Backbone("resnet18", size=32, seed=1).weights_hash
    assert a.weights_hash != Backbone("resnet18", size=32, seed=2).weights_hash


def test_names():
    assert {"resnet18", "vit_b_16", "convnext_base"} <= set(backbone_names())
    with pytest.raises(InputError, match=r"Unknown backbone 'resnet19'.*resnet18"):
        headless("resnet19")


def test_size_that_does_not_fit():
    with pytest.raises(InputError, match="inception_v3 does not take pictures of 32"):
        headless("inception_v3", size=32)
    with pytest.raises(InputError, match="vit_b_16 does not take"):
        headless("vit_b_16", size=33)


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_local_weights_give_the_same_features(tmp_path, rng, suffix):
    torch.manual_seed(7)
    full = torchvision.models.resnet18(num_classes=2).eval()
    path = tmp_path / f"w.{suffix}"
    (torch.save if suffix == "pth" else save_file)(full.state_dict(), path)
    backbone = Backbone("resnet18", weights=path, size=64)
    assert backbone.report.unexpected == ("fc.bias", "fc.weight")
    assert not backbone.report.missing
    pixels = rng.integers(0, 256, (3, 64, 64), dtype=np.uint8)
    features = backbone.encode([backbone.prepare(Picture(pixels, 255.0))])
    full.fc = torch.nn.Identity()
    mean, sd = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    x = (torch.from_numpy(pixels)[None] / 255 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(sd).view(
        3, 1, 1
    )
    with torch.inference_mode():
        np.testing.assert_allclose(features, full(x).numpy(), rtol=1e-4, atol=1e-5)


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save(torchvision.models.resnet18().state_dict(), tmp_path / "w.pth")
    with pytest.raises(InputError, match="lacks"):
        Backbone("resnet34", weights=tmp_path / "w.pth", size=32)


@pytest.fixture(scope="module")
def small():
    return Backbone("resnet18", size=32)


def test_batches_do_not_matter(small, rng):
    pictures = [Picture(rng.integers(0, 256, (3, 32, 32), dtype=np.uint8), 255.0) for _ in range(5)]
    prepared = [small.prepare(picture) for picture in pictures]
    together = small.encode(prepared)
    apart = np.concatenate([small.encode([array]) for array in prepared])
    np.testing.assert_allclose(together, apart, rtol=1e-4, atol=1e-5)
    assert together.dtype == np.float32 and together.shape == (5, 512)


def test_bf16_is_close(small, rng):
    prepared = [small.prepare(Picture(rng.integers(0, 256, (3, 32, 32), dtype=np.uint8), 255.0))]
    exact, half = small.encode(prepared), small.encode(prepared, precision="bfloat16")
    assert half.dtype == np.float32
    assert np.abs(half - exact).max() < 0.05 * exact.max()


def test_uint8_and_float_agree(small, rng):
    pixels = rng.integers(0, 256, (3, 32, 32), dtype=np.uint8)
    plain = small.prepare(Picture(pixels, 255.0))
    float_ = small.prepare(Picture(pixels.astype(np.float32), 255.0))
    sixteen = small.prepare(Picture(pixels * np.float32(257), 65535.0))
    features = small.encode([plain, float_, sixteen])
    np.testing.assert_allclose(features[1], features[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(features[2], features[0], rtol=1e-4, atol=1e-5)


def test_no_data_is_neutral(small):
    pixels = np.full((3, 32, 32), np.nan, dtype=np.float32)
    pixels[:, 16:] = 100
    prepared = small.prepare(Picture(pixels, 255.0))
    np.testing.assert_allclose(prepared[:, 0, 0], [0.485, 0.456, 0.406], rtol=1e-6)
    assert np.isfinite(small.encode([prepared])).all()
    with pytest.raises(InputError, match="no valid pixel"):
        small.prepare(Picture(np.full_like(pixels, np.nan), 255.0))


def test_chips_are_resized(small, rng):
    assert small.prepare(Picture(rng.random((3, 9, 11), dtype=np.float32), 1.0)).shape == (3, 32, 32)


def test_wrong_bands_and_units(small):
    with pytest.raises(InputError, match=r"12 bands; resnet18 takes 3.*bands=\(4, 3, 2\)"):
        small.prepare(Picture(np.zeros((12, 32, 32), dtype=np.float32), None))
    with pytest.raises(InputError, match=r"0 to 3000\).*value_range"):
        small.prepare(Picture(np.linspace(0, 3000, 3 * 32 * 32, dtype=np.float32).reshape(3, 32, 32), None))
    ranged = Backbone("resnet18", size=32, value_range=(0, 3000))
    assert ranged.prepare(Picture(np.full((3, 32, 32), 1500, dtype=np.float32), None)).mean() == 0.5


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "densenet121", "swin_t"])
def test_folding_changes_nothing(name):
    network, _ = headless(name, size=64)
    x = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(Backbone(name, size=64).network(x), network(x), rtol=1e-3, atol=1e-5)


def test_batches_shrink_with_the_cost_of_the_network():
    assert Backbone("resnet18", size=224).batch_size == 16
    assert Backbone("resnet50", size=224).batch_size < 16


def test_raw_values_of_the_paper_mode():
    raw = Backbone("resnet18", size=32, normalise="none")
    values = raw.inputs(torch.full((1, 3, 2, 2), 200, dtype=torch.uint8))
    assert (values == 200).all()


@pytest.mark.parametrize("options", [{"bands": (1,)}, {"value_range": (3, 3)}, {"normalise": "sd"}])
def test_options(options):
    with pytest.raises(InputError):
        Backbone("resnet18", size=32, **options)


@pytest.mark.gpu
def test_gpu_agrees(small, rng):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    prepared = [small.prepare(Picture(rng.integers(0, 256, (3, 32, 32), dtype=np.uint8), 255.0))]
    on_gpu, on_cpu = small.encode(prepared, device="cuda"), small.encode(prepared, device="cpu")
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=0.02, atol=0.02)


def test_any_number_of_bands():
    network, dim = headless("resnet18", size=32, bands=5)
    assert network(torch.zeros(2, 5, 32, 32)).shape == (2, dim)
    again, _ = headless("resnet18", size=32, bands=5)
    assert torch.equal(network.conv1.weight, again.conv1.weight)
    with pytest.raises(InputError, match="bands=0"):
        headless("resnet18", size=32, bands=0)
