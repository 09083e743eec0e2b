import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torchvision.models._utils import IntermediateLayerGetter

from geolivelihood.errors import InputError
from geolivelihood.features.backbones import headless
from geolivelihood.features.pretrained import save_pretrained
from geolivelihood.pretraining.transfer.networks import detector, dilate, segmenter, source_network


def layer4(network):
    return IntermediateLayerGetter(network, {"layer4": "out"})


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_dilated_layers_say_the_same_at_the_pixels_of_the_strided_ones(name):
    network, _ = headless(name, size=64, seed=1)
    pixels = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        strided = layer4(network)(pixels)["out"]
        dilated = layer4(dilate(network))(pixels)["out"]
    assert dilated.shape[-1] == 4 * strided.shape[-1] == 8
    torch.testing.assert_close(dilated[..., ::4, ::4], strided, rtol=1e-4, atol=1e-4)


def test_dilation_is_that_of_torchvision():
    network, _ = headless("resnet50", size=64, seed=1)
    theirs = torchvision.models.resnet50(replace_stride_with_dilation=[False, True, True]).eval()
    theirs.fc = torch.nn.Identity()
    theirs.load_state_dict(network.state_dict())
    pixels = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(dilate(network)(pixels), theirs(pixels), rtol=1e-4, atol=1e-4)


def test_weights_of_a_file_reach_the_network(tmp_path):
    network, _ = headless("resnet18", seed=5)
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    source = source_network("resnet18", weights=tmp_path / "weights.safetensors", seed=0)
    torch.testing.assert_close(source.network.state_dict(), network.state_dict())
    assert source.weights.endswith("weights.safetensors") and source.mean is not None


def encoder(folder, **card):
    network, _ = headless("resnet18", seed=5, bands=card.get("bands", 3))
    save_pretrained(folder, network, {"architecture": "resnet18", "size": 64, "bands": 3} | card)
    return network


def test_a_pretrained_folder_brings_its_weights_and_how_it_is_fed(tmp_path):
    statistics = {"mean": [0.1, 0.2, 0.3, 0.4], "sd": [0.5, 0.6, 0.7, 0.8], "value_range": [0, 3000]}
    network = encoder(tmp_path / "encoder", bands=4, **statistics)
    for given in (
        {"backbone": tmp_path / "encoder"},
        {"backbone": "resnet18", "weights": tmp_path / "encoder"},
    ):
        source = source_network(**given, bands=4, seed=0)
        torch.testing.assert_close(source.network.state_dict(), network.state_dict())
        assert (source.mean, source.sd) == ((0.1, 0.2, 0.3, 0.4), (0.5, 0.6, 0.7, 0.8))
        assert source.value_range == (0, 3000) and source.architecture == "resnet18"
    with pytest.raises(InputError, match="takes 4 bands and the pictures have 3"):
        source_network(tmp_path / "encoder")
    with pytest.raises(InputError, match="holds a resnet18, not a resnet50"):
        source_network("resnet50", weights=str(tmp_path / "encoder"), bands=4)


@pytest.mark.parametrize(("normalise", "sd"), [("minmax", 1), ("none", 1 / 255), ("imagenet", 0.229)])
def test_folders_that_are_fed_otherwise(tmp_path, normalise, sd):
    encoder(tmp_path / "encoder", normalise=normalise)
    assert source_network(tmp_path / "encoder").sd[0] == pytest.approx(sd)


def test_a_network_that_is_given():
    network, _ = headless("resnet18", bands=4)
    source = source_network((network, "resnet18"), bands=4)
    assert source.network is network and source.mean is None
    with pytest.raises(InputError, match="takes 4 bands and the pictures have 3"):
        source_network((network, "resnet18"), bands=3)


def test_other_families_are_refused_with_what_is_accepted():
    with pytest.raises(InputError, match=r"backbone='vit_b_16' cannot be transferred.*resnet18.*wide_resnet"):
        source_network("vit_b_16")
    with pytest.raises(InputError, match="A vit_b_16 cannot be transferred"):
        source_network((torch.nn.Linear(3, 3), "vit_b_16"))


def test_choices_are_checked():
    source = source_network("resnet18")
    with pytest.raises(InputError, match="architecture='yolo': choose one of retinanet, faster_rcnn"):
        detector(source, "yolo", classes=1, window=64)
    with pytest.raises(InputError, match="architecture='unet': choose one of deeplabv3, fcn"):
        segmenter(source, "unet", classes=2)
    with pytest.raises(InputError, match="five sides"):
        detector(source, "retinanet", classes=1, window=64, anchors=(16, 32))
    with pytest.raises(InputError, match="norm='layer'"):
        segmenter(source, "fcn", classes=2, norm="layer")
    with pytest.raises(InputError, match="trainable_layers=6"):
        segmenter(source, "fcn", classes=2, trainable_layers=6)


def step(network):
    pixels = torch.randn(4, 3, 32, 32)
    optimiser = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    network.train()(pixels).square().mean().backward()
    optimiser.step()


@pytest.mark.parametrize(
    ("options", "still", "moving"),
    [
        ({"trainable_layers": 2}, ("conv1", "bn1", "layer1", "layer2"), ("layer3", "layer4")),
        ({"trainable_layers": 0}, ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4"), ()),
        ({}, (), ("conv1", "bn1", "layer1", "layer4")),
    ],
)
def test_frozen_layers_do_not_move_nor_do_their_statistics(options, still, moving):
    network = segmenter(source_network("resnet18"), "fcn", classes=2, **options)
    before = {name: value.clone() for name, value in network.backbone.state_dict().items()}
    step(network)
    moved = {
        name.split(".")[0]
        for name, value in network.backbone.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert moved.isdisjoint(still) and moved >= set(moving)


def test_frozen_normalisation_leaves_the_convolutions_to_learn():
    network = segmenter(source_network("resnet18"), "fcn", classes=2, norm="frozen")
    before = {name: value.clone() for name, value in network.backbone.state_dict().items()}
    step(network)
    after = network.backbone.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items() if "bn" in name)
    assert not torch.equal(after["conv1.weight"], before["conv1.weight"])


def test_frozen_normalisation_computes_what_it_replaces():
    pixels = torch.randn(2, 3, 32, 32)
    plain = segmenter(source_network("resnet18"), "fcn", classes=2).eval()
    frozen = segmenter(source_network("resnet18"), "fcn", classes=2, norm="frozen").eval()
    with torch.inference_mode():
        expected, found = (network.backbone(pixels)["out"] for network in (plain, frozen))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("architecture", ["retinanet", "faster_rcnn"])
@pytest.mark.parametrize("head_norm", [True, False])
def test_detectors_of_any_number_of_bands_leave_sizes_alone(architecture, head_norm):
    source = source_network("resnet18", bands=5)
    network = detector(source, architecture, classes=2, window=64, channels=16, head_norm=head_norm)
    images, _ = network.transform([torch.ones(5, 64, 64)])
    assert images.tensors.shape == (1, 5, 64, 64) and (images.tensors == 1).all()
    target = {"boxes": torch.tensor([[4.0, 4.0, 40.0, 40.0]]), "labels": torch.tensor([2])}
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    losses = network.train()([torch.randn(5, 64, 64)] * 2, [target, empty])
    assert all(torch.isfinite(loss) for loss in losses.values())
    groups = any(isinstance(module, torch.nn.GroupNorm) for module in network.modules())
    assert groups == head_norm
