"""Encoders as folders: written whole, checked when read, fed as their card says."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from geolivelihood.errors import InputError, OutputError, StoreMismatchError
from geolivelihood.features import (
    Backbone,
    Picture,
    embed,
    encoder,
    fingerprint,
    headless,
    read_pretrained,
    save_pretrained,
)

CARD = {
    "architecture": "resnet18",
    "bands": 4,
    "size": 32,
    "mean": [0.1, 0.2, 0.3, 0.4],
    "sd": [0.5, 0.25, 0.5, 0.25],
    "value_range": [0, 3000],
    "method": {"name": "moco+geo", "temperature": 0.02},
    "metrics": [{"split": "blocked", "r2": np.float32(0.5)}],
}


@pytest.fixture
def network():
    return headless("resnet18", size=32, bands=4, seed=3)[0]


@pytest.fixture
def folder(tmp_path, network):
    return save_pretrained(tmp_path / "encoder", network, CARD)


def changed(card=CARD, **changes):
    whole = card | changes
    return {key: value for key, value in whole.items() if value != "left out"}


def edit_card(folder, **changes):
    path = folder / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_network_and_card_come_back(folder, network):
    back, card = read_pretrained(folder)
    assert not back.training
    for key, value in network.state_dict().items():
        assert torch.equal(value, back.state_dict()[key]), key
    assert card["method"] == {"name": "moco+geo", "temperature": 0.02}
    assert card["normalise"] == "channels" and card["metrics"][0]["r2"] == 0.5
    assert torch.__version__.startswith(card["versions"]["torch"])
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "weights.safetensors"]


def test_features_are_those_of_the_network_fed_as_the_card_says(folder, network, rng):
    made = encoder(folder)
    assert isinstance(made, Backbone) and (made.dim, made.n_bands) == (512, 4)
    assert made.weights == "moco+geo"
    pixels = rng.uniform(0, 3000, (4, 32, 32)).astype(np.float32)
    found = made.encode([made.prepare(Picture(pixels, None))])
    mean, sd = (torch.tensor(CARD[key]).view(4, 1, 1) for key in ("mean", "sd"))
    with torch.inference_mode():
        wanted = network((torch.from_numpy(pixels / 3000) - mean)[None] / sd)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_minmax_of_each_picture_over_all_bands(tmp_path, rng):
    network, _ = headless("resnet18", size=16, seed=1)
    card = changed(bands=3, size=16, mean=None, sd=None, value_range=None, normalise="minmax")
    made = encoder(save_pretrained(tmp_path / "rank", network, card))
    pixels = rng.integers(40, 90, (2, 3, 16, 16)).astype(np.uint8)
    x = torch.from_numpy(pixels)
    scaled = made.inputs(x)
    for picture, one in zip(x.double(), scaled):
        wanted = (picture - picture.min()) / (picture.max() - picture.min() + 1e-10)
        torch.testing.assert_close(one.double(), wanted, atol=1e-6, rtol=0)
    assert torch.isfinite(made.inputs(torch.full((1, 3, 16, 16), 7, dtype=torch.uint8))).all()


def test_nodata_does_not_move_the_extremes_of_a_picture(tmp_path):
    network, _ = headless("resnet18", size=16)
    card = changed(bands=3, size=16, mean=None, sd=None, normalise="minmax")
    made = encoder(save_pretrained(tmp_path / "rank", network, card))
    pixels = np.linspace(1000, 1100, 3 * 256, dtype=np.float32).reshape(3, 16, 16)
    pixels[:, :3] = np.nan
    x = made.inputs(torch.from_numpy(made.prepare(Picture(pixels, None)))[None])
    assert float(x.min()) == 0 and float(x.max()) == pytest.approx(1, abs=1e-5)


def test_files_bands_are_chosen_by_the_card_or_by_the_caller(tmp_path, network):
    folder = save_pretrained(tmp_path / "e", network, changed(bands=[4, 3, 2, 8]))
    assert encoder(folder).reading.bands == (4, 3, 2, 8)
    assert encoder(folder, bands=(1, 2, 3, 4)).reading.bands == (1, 2, 3, 4)
    assert encoder(folder, size=64).size == 64
    with pytest.raises(InputError, match=r"takes 4, so name 4"):
        encoder(folder, bands=(1, 2, 3))


def test_fingerprint_changes_with_the_weights_and_with_the_feeding(tmp_path, network, folder):
    before = fingerprint(encoder(folder))
    assert fingerprint(encoder(folder)) == before
    other = save_pretrained(tmp_path / "other", network, changed(mean=[0, 0, 0, 0]))
    assert fingerprint(encoder(other)) != before
    with torch.no_grad():
        network.layer4[1].bn2.running_mean[0] += 1
    moved = save_pretrained(tmp_path / "moved", network, CARD)
    assert fingerprint(encoder(moved)) != before


def test_group_normalisation_is_found_and_comes_back(tmp_path, rng):
    # shufflenet has layers whose channels 32 does not divide
    card = changed(architecture="shufflenet_v2_x0_5")
    network, _ = headless("shufflenet_v2_x0_5", size=32, bands=4, seed=3, group_norm=32)
    groups = {m.num_groups for m in network.modules() if isinstance(m, torch.nn.GroupNorm)}
    assert len(groups) > 1 and not any(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules())
    folder = save_pretrained(tmp_path / "e", network, card)
    back, told = read_pretrained(folder)
    assert told["group_norm"] == 32
    x = torch.randn(2, 4, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(back(x), network(x))
        torch.testing.assert_close(encoder(folder).network(x), network(x), atol=1e-3, rtol=1e-3)
    with pytest.raises(InputError, match="'group_norm' 0"):
        save_pretrained(tmp_path / "f", network, card | {"group_norm": 0})


def test_stores_of_other_weights_are_refused(tmp_path, network, rng):
    rgb, _ = headless("resnet18", size=16, seed=1)
    card = changed(bands=3, size=16, mean=[0, 0, 0], sd=[1, 1, 1], value_range=None)
    folder = save_pretrained(tmp_path / "e", rgb, card)
    for k in range(3):
        Image.fromarray(rng.integers(0, 255, (16, 16, 3)).astype(np.uint8)).save(tmp_path / f"{k}.png")
    images = pd.DataFrame(
        {"image_id": ["a", "b", "c"], "path": [str(tmp_path / f"{k}.png") for k in range(3)]}
    )
    store = embed(images, encoder(folder), store=tmp_path / "store", device="cpu")
    assert store.read().shape == (3, 512)
    save_pretrained(folder, headless("resnet18", size=16, seed=2)[0], card)
    with pytest.raises(StoreMismatchError, match="weights_hash"):
        embed(images, encoder(folder), store=tmp_path / "store", device="cpu")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architecture": "resnet19"}, "'architecture' 'resnet19'"),
        ({"size": 0}, "'size' 0"),
        ({"bands": 0}, "'bands' 0"),
        ({"bands": True}, "'bands' True"),
        ({"mean": [0.1]}, "need 4 numbers each"),
        ({"sd": [0.5, 0.25, 0, 0.25]}, "need 4 numbers each"),
        ({"mean": None, "sd": None}, "'normalise' None"),
        ({"value_range": [5, 5]}, "'value_range'"),
        ({"fit": "stretch"}, "'fit' 'stretch'"),
        ({"bands": "left out", "size": "left out"}, "'size' None.*'bands' None"),
        ({"note": object()}, "cannot be written as JSON"),
        ({"note": float("nan")}, "cannot be written as JSON"),
    ],
)
def test_cards_that_do_not_do(tmp_path, network, changes, said):
    with pytest.raises(InputError, match=said):
        save_pretrained(tmp_path / "e", network, changed(**changes))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (("resnet18", 3), r"conv1.weight \(64, 3, 7, 7\) for \(64, 4, 7, 7\)"),
        (("resnet34", 4), "for nothing"),
    ],
)
def test_networks_that_are_not_the_cards(tmp_path, made, said):
    other, _ = headless(made[0], size=32, bands=made[1])
    with pytest.raises(InputError, match=said):
        save_pretrained(tmp_path / "e", other, CARD)


def test_weights_that_are_not_finite_are_not_saved(tmp_path, network):
    with torch.no_grad():
        network.conv1.weight[0, 0, 0, 0] = float("nan")
    with pytest.raises(InputError, match=r"not finite, such as conv1\.weight"):
        save_pretrained(tmp_path / "e", network, CARD)


def test_nothing_of_yours_is_replaced(tmp_path, network, folder):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("words")
    with pytest.raises(OutputError, match="holds no encoder"):
        save_pretrained(tmp_path / "thesis", network, CARD)
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "words"
    save_pretrained(folder, headless("resnet18", size=32, bands=4, seed=9)[0], CARD)


def test_damaged_folders(tmp_path, folder):
    with pytest.raises(InputError, match=r"there is no card\.json"):
        read_pretrained(tmp_path)
    whole = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="another hash"):
        encoder(folder)
    (folder / "weights.safetensors").unlink()
    with pytest.raises(InputError, match="missing or unreadable"):
        read_pretrained(folder)
    (folder / "card.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        read_pretrained(folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "format 2"),
        ({"tensors": None}, "no card of an encoder"),
        ({"architecture": "resnet34"}, "lacks"),
        ({"size": "large"}, "'size' 'large'"),
    ],
)
def test_cards_of_other_encoders(folder, changes, said):
    edit_card(folder, **changes)
    with pytest.raises(InputError, match=said):
        read_pretrained(folder)


def test_names_and_options(folder, tmp_path):
    assert encoder(str(folder)).n_bands == 4
    with pytest.raises(InputError, match="has its own"):
        encoder(folder, weights="DEFAULT")
    with pytest.raises(InputError, match="colour"):
        encoder(folder, colour="blue")
    with pytest.raises(InputError, match="folders of pretrained encoders"):
        encoder(tmp_path / "nowhere")
