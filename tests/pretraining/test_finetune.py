"""Fine-tuning of all layers, and the published probe of a frozen network."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.base import clone

from geolivelihood.errors import InputError, TooManyRejectedError
from geolivelihood.features import encoder, headless, read_pretrained, save_pretrained
from geolivelihood.pretraining import finetune
from geolivelihood.pretraining.finetune import FineTuneClassifier, FineTuneRegressor, paper_probe
from geolivelihood.pretraining.schedules import Optimisation

CARD = {
    "architecture": "shufflenet_v2_x0_5",
    "bands": 3,
    "size": 16,
    "normalise": "imagenet",
    "method": {"name": "moco"},
}
FAST = Optimisation("adamw", 1e-3, weight_decay=0, schedule="constant")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Red and blue pictures of differing brightness."""
    folder, rng, rows = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0), []
    for k in range(21):
        strength = int(rng.integers(60, 190))
        pixels = rng.integers(0, 60, (18, 24, 3)).astype(np.uint8)
        pixels[..., 2 * (k % 2)] += strength
        Image.fromarray(pixels).save(folder / f"{k}.png")
        rows.append((str(folder / f"{k}.png"), "blue" if k % 2 else "red", float(strength)))
    return pd.DataFrame(rows, columns=["path", "label", "strength"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    network, _ = headless("shufflenet_v2_x0_5", size=16, seed=3)
    return save_pretrained(tmp_path_factory.mktemp("encoder") / "e", network, CARD)


def test_published_probe_learns_and_no_buffer_of_the_network_moves(pictures, tmp_path):
    network, _ = headless("resnet18", size=16, seed=3)
    network.train()
    with torch.no_grad():  # statistics of some pictures, without which a random network's features vanish
        for _ in range(20):
            network(torch.randn(16, 3, 1, 1) + 0.5 * torch.randn(16, 3, 16, 16))
    folder = save_pretrained(tmp_path / "e", network, CARD | {"architecture": "resnet18"})
    before = copy.deepcopy(read_pretrained(folder)[0].state_dict())
    model = paper_probe(folder, epochs=15, batch_size=8).fit(pictures, pictures["label"])
    after = model.network_.state_dict()
    assert set(before) == set(after) and all(torch.equal(before[key], after[key]) for key in before)
    assert model.evaluate(pictures, pictures["label"])["accuracy"] > 0.9
    assert len(model.losses_) == 15
    usual = paper_probe(folder).get_params()
    wanted = {"freeze": True, "learning_rate": 1.0, "epochs": 100, "batch_size": 256}
    assert {key: usual[key] for key in wanted} == wanted


def test_head_starts_as_published():
    torch.manual_seed(0)
    head = finetune.head_of(2048, 62)
    assert float(head.weight.std()) == pytest.approx(0.01, rel=0.02) and not head.bias.any()


def test_fine_tuning_moves_all_layers_and_is_the_same_again(pictures, folder):
    model = FineTuneClassifier(folder, epochs=3, batch_size=8, optimisation=FAST)
    before = read_pretrained(folder)[0].state_dict()
    model.fit(pictures, pictures["label"])
    moved = {key for key, value in model.network_.state_dict().items() if not torch.equal(before[key], value)}
    assert {"conv1.0.weight", "stage4.3.branch2.1.running_mean"} <= moved
    again = clone(model).fit(list(pictures["path"]), pictures["label"])
    np.testing.assert_array_equal(model.decision_function(pictures), again.decision_function(pictures))
    chances = model.predict_proba(pictures)
    assert chances.shape == (21, 2) and chances.sum(axis=1) == pytest.approx(1)
    assert model.score(pictures, pictures["label"]) == model.evaluate(pictures, pictures["label"])["accuracy"]


def test_amounts_and_where_they_are_saved(pictures, folder, tmp_path):
    model = FineTuneRegressor(folder, epochs=12, batch_size=8, optimisation=FAST, loss="l2")
    model.fit(pictures, pictures["strength"])
    assert model.losses_[-1] < model.losses_[0]
    assert set(model.evaluate(pictures, pictures["strength"])) >= {"r2", "mae", "kendall_tau"}
    saved = model.save(tmp_path / "tuned", note="strength")
    network, card = read_pretrained(saved)
    assert card["method"] == {"name": "fine-tuned", "from": {"name": "moco"}} and card["note"] == "strength"
    assert torch.equal(network.conv1[0].weight, model.network_.conv1[0].weight)
    assert encoder(saved).size == 16


def test_random_start_for_comparison(pictures):
    card = {"size": 16}
    model = FineTuneClassifier(
        "shufflenet_v2_x0_5", card=card, epochs=1, batch_size=8, random_state=4, freeze=True
    )
    model.fit(pictures, pictures["label"])
    assert torch.equal(
        model.network_.conv1[0].weight, headless("shufflenet_v2_x0_5", size=16, seed=4)[0].conv1[0].weight
    )


def test_unreadable_pictures(pictures, folder, tmp_path):
    paths = [*pictures["path"][:8], str(tmp_path / "none.png")]
    labels = [*pictures["label"][:8], "red"]
    model = paper_probe(folder, epochs=1, batch_size=4, max_rejected=0.2).fit(paths, labels)
    assert model.rejected_["row"].tolist() == [8]
    assert np.isnan(model.predict_proba(paths)[8]).all()
    with pytest.raises(InputError, match="first in row 8"):
        model.predict(paths)
    with pytest.raises(TooManyRejectedError):
        paper_probe(folder, epochs=1).fit(paths, labels)


@pytest.mark.parametrize(
    ("model", "labels", "said"),
    [
        (FineTuneClassifier(epochs=0), list("ab" * 10 + "a"), "epochs=0"),
        (FineTuneClassifier(), ["a"] * 21, "two classes"),
        (FineTuneClassifier("nowhere"), list("ab" * 10 + "a"), "neither the folder"),
        (FineTuneRegressor(loss="l3"), np.arange(21.0), "'l3'"),
        (FineTuneRegressor(), [np.nan] * 21, "NaN"),
        (FineTuneRegressor(), [1.0, 2.0], "2"),
    ],
)
def test_bad_input(pictures, model, labels, said):
    with pytest.raises(InputError, match=said):
        model.fit(pictures, labels)


def test_parameters_are_those_of_the_constructor():
    model = FineTuneRegressor("e", loss="l2", card={"size": 8}, epochs=3, optimisation=FAST)
    assert clone(model).get_params() == model.get_params()
