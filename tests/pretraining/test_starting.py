"""What a training with labels starts from."""

import numpy as np
import pytest
import torch

from geolivelihood.errors import InputError
from geolivelihood.features import headless, save_pretrained
from geolivelihood.pretraining.starting import few_labels, start_from


def same(a, b):
    return all(torch.equal(value, b.state_dict()[key]) for key, value in a.state_dict().items())


def test_folder_checkpoint_and_name(tmp_path):
    network, _ = headless("resnet18", size=32, seed=5)
    card = {"architecture": "resnet18", "bands": 3, "size": 32, "normalise": "minmax"}
    found, told = start_from(save_pretrained(tmp_path / "e", network, card))
    assert same(found, network) and told["normalise"] == "minmax"

    state = {f"module.encoder_q.{key}": value for key, value in network.state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "moco.pth.tar")
    found, told = start_from(tmp_path / "moco.pth.tar", architecture="resnet18")
    assert same(found, network) and (told["size"], told["normalise"]) == (224, "channels")

    found, told = start_from("resnet18", card={"size": 32}, seed=5)
    assert same(found, network) and told["normalise"] == "imagenet"
    wide, told = start_from("resnet18", card={"size": 32, "bands": [4, 3, 2, 8], "normalise": "minmax"})
    assert wide.conv1.in_channels == 4


def test_what_is_none_of_them(tmp_path):
    with pytest.raises(InputError, match="neither the folder"):
        start_from(tmp_path)  # a folder without an encoder: nothing random in its place
    with pytest.raises(InputError, match="neither the folder"):
        start_from(tmp_path / "none.pth.tar")
    torch.save(
        {f"backbone.{k}": v for k, v in headless("resnet18", size=32)[0].state_dict().items()},
        tmp_path / "o.ckpt",
    )
    with pytest.raises(InputError, match="not known: say size"):
        start_from(tmp_path / "o.ckpt", architecture="resnet18")
    network = headless("resnet18", size=32)[0]
    folder = save_pretrained(
        tmp_path / "e", network, {"architecture": "resnet18", "bands": 3, "size": 32, "normalise": "none"}
    )
    with pytest.raises(InputError, match="has its own"):
        start_from(folder, card={"size": 64})


def test_few_labels():
    y = np.array(list("aaaaaaaabbbb"))
    chosen = few_labels(y, per_class=2)
    assert sorted(y[chosen]) == list("aabb")
    assert sorted(y[few_labels(y, share=0.25)]) == list("aab")
    amounts = np.linspace(0, 1, 40)
    small, large = few_labels(amounts, share=0.1), few_labels(amounts, share=0.5)
    assert len(small) == 4 and set(small) <= set(large)


@pytest.mark.parametrize(
    "options", [{}, {"share": 0}, {"share": 0.5, "per_class": 2}, {"per_class": 5}, {"per_class": 0}]
)
def test_few_labels_out_of_range(options):
    with pytest.raises(InputError, match="per_class="):
        few_labels(list("aaaaaaaabbbb"), **options)
