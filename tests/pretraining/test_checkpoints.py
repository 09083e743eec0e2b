"""Published checkpoints: every key accounted for, nothing random, other networks refused by name."""

from __future__ import annotations

import argparse
import functools

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from geolivelihood.errors import InputError
from geolivelihood.features import encoder, headless, read_pretrained
from geolivelihood.pretraining.checkpoints import detectron_names, import_checkpoint


@functools.cache
def full(name="resnet50", classes=1000):
    torch.manual_seed(11)
    return torchvision.models.get_model(name, num_classes=classes).state_dict()


def backbone_of(state):
    return {key: value for key, value in state.items() if not key.startswith("fc.")}


def under(prefix, state):
    return {prefix + key: value for key, value in state.items()}


def with_projection(name="resnet50"):
    """An encoder as MoCo-v2 has it: fc is linear, rectifier, linear."""
    body = backbone_of(full(name))
    dim = full(name)["fc.weight"].shape[1]
    g = torch.Generator().manual_seed(1)
    shapes = {"0.weight": (dim, dim), "0.bias": (dim,), "2.weight": (128, dim), "2.bias": (128,)}
    return body | {f"fc.{key}": torch.randn(shape, generator=g) / 50 for key, shape in shapes.items()}


def moco(prefix="module.", name="resnet50", queue=65536):
    """The published layout; the queue may be shorter, to write less."""
    state = under(f"{prefix}encoder_q.", with_projection(name))
    key_net = {
        key: value + 1 if value.is_floating_point() else value for key, value in with_projection(name).items()
    }
    state |= under(f"{prefix}encoder_k.", key_net)
    state |= {
        f"{prefix}queue": torch.zeros(128, queue),
        f"{prefix}queue_ptr": torch.zeros(1, dtype=torch.long),
    }
    return {"epoch": 200, "arch": name, "state_dict": state, "optimizer": {"state": {}, "param_groups": []}}


def geo_dict(classes=100, width=128):
    return {
        "module.layers.1.weight": torch.ones(classes, width),
        "module.layers.1.bias": torch.zeros(classes),
    }


def saved(tmp_path, content, name="c.pth.tar"):
    torch.save(content, tmp_path / name)
    return tmp_path / name


def same(network, state):
    return all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


def test_published_layout_has_the_published_counts(tmp_path):
    content = moco(queue=64)
    state = content["state_dict"]
    assert len(state) == 646 and tuple(state["module.encoder_q.conv1.weight"].shape) == (64, 3, 7, 7)
    assert tuple(state["module.encoder_q.layer4.2.conv3.weight"].shape) == (2048, 512, 1, 1)
    found = import_checkpoint(saved(tmp_path, content))
    report = found.report
    assert (report.kind, report.prefix, report.bands) == ("moco", "module.encoder_q.", 3)
    assert len(report.matched) == 318 and len(report.head) == 4 and len(report.dropped) == 322 + 2
    assert not report.missing and not report.notes
    assert sum(p.numel() for p in found.network.parameters()) == 23_508_032
    head = sum(p.numel() for p in found.head.parameters())
    assert 23_508_032 + head == 27_966_656
    assert same(found.network, with_projection()) and not found.network.training
    assert "318 weights matched, 4 of heads, 324 dropped" in str(report)


def test_projection_head_is_the_files(tmp_path):
    state = with_projection("resnet18")
    found = import_checkpoint(saved(tmp_path, moco(name="resnet18", queue=8)), architecture="resnet18")
    x = torch.randn(3, 512)
    with torch.no_grad():
        hidden = torch.relu(x @ state["fc.0.weight"].T + state["fc.0.bias"])
        torch.testing.assert_close(found.head(x), hidden @ state["fc.2.weight"].T + state["fc.2.bias"])


def test_geo_variant_brings_its_head_and_says_what_it_lacks(tmp_path):
    path = saved(tmp_path, moco(name="resnet18", queue=8) | {"geo_dict": geo_dict()})
    found = import_checkpoint(path, architecture="resnet18")
    assert found.kind == "moco+geo" and "centroids are not in the file" in str(found.report)
    assert "geo_dict/module.layers.1.weight" in found.report.head
    q = torch.tensor([[-1.0] + [0.5] * 127])
    torch.testing.assert_close(found.geo_head(q), torch.full((1, 100), 63.5))


def test_geo_head_that_does_not_fit_is_left_out_and_said(tmp_path):
    path = saved(tmp_path, moco(name="resnet18", queue=8) | {"geo_dict": geo_dict(width=64)})
    found = import_checkpoint(path, architecture="resnet18")
    assert found.geo_head is None and "does not fit the projection head" in str(found.report)


@pytest.mark.parametrize(
    ("state", "prefix", "kind", "heads", "dropped"),
    [
        (moco("", "resnet18", 8)["state_dict"], "encoder_q.", "moco", 4, 126),
        (backbone_of(full("resnet18")), "", "headless", 0, 0),
        (full("resnet18"), "", "torchvision", 2, 0),
        (under("module.", full("resnet18", 365)), "module.", "places365", 2, 0),
        (full("resnet18", 62), "", "supervised", 2, 0),
        (under("model.encoder.", backbone_of(full("resnet18"))), "model.encoder.", "rank-n-contrast", 0, 0),
        (
            under("model.encoder.encoder.", backbone_of(full("resnet18")))
            | {
                "model.prediction_layer.weight": torch.ones(1, 512),
                "model.prediction_layer.bias": torch.ones(1),
            },
            "model.encoder.encoder.",
            "rank-n-contrast, probed",
            2,
            0,
        ),
        (
            under("backbone.", backbone_of(full("resnet18"))) | {"queue": torch.zeros(2, 2)},
            "backbone.",
            "our training run",
            0,
            1,
        ),
    ],
)
def test_layouts(tmp_path, state, prefix, kind, heads, dropped):
    found = import_checkpoint(saved(tmp_path, {"state_dict": state}), architecture="resnet18")
    report = found.report
    assert (report.prefix, report.kind, len(report.head), len(report.dropped)) == (
        prefix,
        kind,
        heads,
        dropped,
    )
    assert len(report.matched) == 120 and same(
        found.network, {k.removeprefix(prefix): v for k, v in state.items()}
    )
    assert (found.head is None) == (heads == 0)
    everything = {prefix + key for key in report.matched} | set(report.head) | set(report.dropped)
    assert everything == set(state)


def test_older_torch_without_counters(tmp_path):
    state = {k: v for k, v in under("module.", full("resnet18", 365)).items() if "num_batches" not in k}
    found = import_checkpoint(
        saved(tmp_path, {"arch": "resnet18", "state_dict": state}), architecture="resnet18"
    )
    assert found.kind == "places365" and len(found.report.missing) == 20
    assert all(key.endswith("num_batches_tracked") for key in found.report.missing)
    assert found.head.weight.shape == (365, 512)


def test_safetensors_and_other_numbers_of_bands(tmp_path):
    network, _ = headless("resnet18", size=32, bands=6, seed=4)
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    found = import_checkpoint(tmp_path / "w.safetensors", architecture="resnet18", size=32)
    assert found.report.bands == 6 and same(found.network, network.state_dict())


@pytest.mark.parametrize(
    ("there", "asked"), [("resnet18", "resnet50"), ("resnet50", "resnet18"), ("resnet34", "resnet18")]
)
def test_other_architecture_is_named(tmp_path, there, asked):
    path = saved(tmp_path, {"state_dict": under("module.encoder_q.", with_projection(there))})
    with pytest.raises(
        InputError, match=f"no checkpoint of {asked}.*looks like {there}: give architecture='{there}'"
    ):
        import_checkpoint(path, architecture=asked)


def test_a_larger_network_is_not_cut_to_a_smaller_one(tmp_path):
    # every weight of a resnet50 is also in a resnet101, in its shape
    with pytest.raises(InputError, match=r"has beside it .*layer3\.\d.*looks like resnet101"):
        import_checkpoint(saved(tmp_path, full("resnet101")))


def test_networks_of_other_families_are_named(tmp_path):
    state = full("densenet121", 10)
    path = saved(tmp_path, {"state_dict": under("module.", state)})
    with pytest.raises(InputError, match="looks like densenet121"):
        import_checkpoint(path)
    found = import_checkpoint(path, architecture="densenet121", size=64)
    assert found.head.weight.shape == (10, 1024) and same(found.network, state)


def without(state, *keys):
    return {key: value for key, value in state.items() if key not in keys}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (without(full("resnet18"), "layer3.1.bn2.running_var"), r"lacks 1 \(layer3\.1\.bn2\.running_var\)"),
        (full("resnet18") | {"bn1.weight": torch.ones(63)}, r"in another shape 1 \(bn1\.weight\)"),
        (full("resnet18") | {"attention.weight": torch.ones(3)}, r"has beside it 1 \(attention\.weight\)"),
        (full("resnet18") | {"bn1.weight": torch.full((64,), torch.nan)}, "not finite"),
        ({"state_dict": {}, "epoch": 3}, "no state dict"),
        ({"words": torch.ones(3)}, "lacks"),
        ([1, 2], "no state dict"),
    ],
)
def test_incomplete_files_raise(tmp_path, content, said):
    with pytest.raises(InputError, match=said):
        import_checkpoint(saved(tmp_path, content), architecture="resnet18")


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(InputError, match="no weights file"):
        import_checkpoint(tmp_path / "none.pth.tar")
    with pytest.raises(InputError, match="is a folder"):
        import_checkpoint(tmp_path)
    (tmp_path / "empty.pth").touch()
    with pytest.raises(InputError, match="no readable weights file"):
        import_checkpoint(tmp_path / "empty.pth")


@pytest.mark.parametrize("zipped", [True, False])
def test_truncated_files(tmp_path, zipped):
    path = tmp_path / "c.pth.tar"
    state = {"a.conv1.weight": torch.randn(8, 3, 7, 7), "b": torch.arange(5)}
    torch.save({"state_dict": state}, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    for share in (0.02, 0.1, 0.3, 0.5, 0.9, 0.99):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(InputError, match=r"no readable weights file|damaged"):
            import_checkpoint(path)


def test_pickled_options_are_refused_with_the_reason(tmp_path):
    options = argparse.Namespace(lr=0.03)
    path = saved(tmp_path, {"state_dict": full("resnet18"), "opt": options})
    with pytest.raises(InputError, match=r"pickled argparse\.Namespace; loading it could run code"):
        import_checkpoint(path, architecture="resnet18")


def test_saved_as_an_encoder_with_the_published_feeding(tmp_path):
    found = import_checkpoint(saved(tmp_path, moco(name="resnet18", queue=8)), architecture="resnet18")
    folder = found.save(tmp_path / "encoder", note="Zenodo 7379715")
    network, card = read_pretrained(folder)
    assert same(network, with_projection("resnet18"))
    assert card["size"] == 224 and card["method"] == {"name": "moco", "checkpoint": "c.pth.tar"}
    assert card["note"] == "Zenodo 7379715" and encoder(folder).feeding.normalise == "channels"


def test_ranked_encoders_are_fed_by_each_pictures_extremes(tmp_path):
    state = under("model.encoder.", backbone_of(full("resnet18")))
    found = import_checkpoint(saved(tmp_path, {"state_dict": state}, "r.ckpt"), architecture="resnet18")
    assert encoder(found.save(tmp_path / "e")).card()["transform"]["normalise"] == "minmax"


def test_unknown_feeding_must_be_said(tmp_path):
    found = import_checkpoint(
        saved(tmp_path, under("backbone.", backbone_of(full("resnet18")))), architecture="resnet18"
    )
    with pytest.raises(InputError, match=r"'size' None.*'normalise' None"):
        found.save(tmp_path / "e")
    found.save(tmp_path / "e", size=64, normalise="imagenet")


def test_prefix_that_no_key_has(tmp_path):
    with pytest.raises(InputError, match=r"prefix='teacher\.'"):
        import_checkpoint(saved(tmp_path, full("resnet18")), architecture="resnet18", prefix="teacher.")


def test_detectron_names():
    assert [*detectron_names({key: torch.ones(1) for key in VECTORS})] == [*VECTORS.values()]
    renamed = detectron_names(full("resnet50"))
    assert len(renamed) == 318 == len(set(renamed))
    with pytest.raises(InputError, match=r"names are those of ResNets.*features\.0\.weight"):
        detectron_names({"features.0.weight": torch.ones(1)})


VECTORS = {
    "layer2.3.bn2.weight": "res3.3.conv2.norm.weight",
    "layer4.0.downsample.1.bias": "res5.0.shortcut.norm.bias",
    "layer4.0.downsample.0.weight": "res5.0.shortcut.weight",
    "layer1.0.conv1.weight": "res2.0.conv1.weight",
    "conv1.weight": "stem.conv1.weight",
    "bn1.running_mean": "stem.conv1.norm.running_mean",
}
