import importlib.util
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import lightning.pytorch as pl
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from geolivelihood.errors import InputError
from geolivelihood.pretraining.augmentations import rank_augmentation
from geolivelihood.pretraining.pairs import Pairs, SamePicture
from geolivelihood.pretraining.rank_module import RANK_PRESETS, RankModule, SupervisedModule
from geolivelihood.pretraining.rank_n_contrast import rank_n_contrast_loss
from geolivelihood.pretraining.schedules import Optimisation
from geolivelihood.pretraining.training import run_training
from geolivelihood.pretraining.views import ViewBatch, Views

WORKER = Path(__file__).with_name("rank_process.py")
INCOMES = np.array([10.0, 12.0, 12.0, 20.0])
QUICK = Optimisation("adamw", 0.02, weight_decay=0, schedule="constant")


def backbone():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )


def batch(positions=(0, 1, 2, 3), seed=0):
    generator = torch.Generator().manual_seed(seed)
    at = torch.tensor(positions)
    query, key = torch.randn(2, len(at), 3, 8, 8, generator=generator)
    return ViewBatch(query, key, at, at)


class Steps:
    """An epoch of one step; the richer, the brighter."""

    def __len__(self):
        return 1

    def __iter__(self):
        given = batch()
        light = torch.tensor([-1.0, 0, 0, 3]).view(4, 1, 1, 1)
        yield given._replace(query=given.query + light, key=given.key + light)


class Shown(SimpleNamespace):
    """What a module looks at before it trains."""

    def __len__(self):
        return len(self.images) // self.batch_size


def views(rows=4, shown=None, batch_size=2):
    at = np.arange(rows) if shown is None else np.asarray(shown)
    pairs = SimpleNamespace(epoch=lambda epoch: Pairs(at, at))
    return Shown(images=range(rows), pairs=pairs, batch_size=batch_size)


def loss_of(module, *args):
    module.log = lambda *_, **__: None  # there is no trainer
    return module.training_step(*args)


def test_presets_are_the_published_ones():
    rank, baseline, age = (RANK_PRESETS[name] for name in ("outcome", "supervised", "age"))
    assert (rank.architecture, rank.size, rank.epochs, rank.batch_size) == ("resnet50", 500, 400, 32)
    assert rank.optimisation == RankModule(backbone(), INCOMES).optimisation
    assert rank.optimisation.rate(400, epochs=400) == 0
    assert rank.optimisation.rate(0, epochs=400) == 5e-4 and rank.optimisation.weight_decay == 1e-4
    assert baseline.optimisation == SupervisedModule(backbone(), INCOMES, dim=6).optimisation
    assert baseline.optimisation.rate(2, epochs=100) == pytest.approx(5e-3 * 0.95**2)
    assert age.optimisation.rate(400, epochs=400) == pytest.approx(0.5 * 0.1**3)


def test_loss_is_that_of_both_views_with_the_labels_of_their_rows():
    module, given = RankModule(backbone(), INCOMES, temperature=1.5), batch((3, 1, 0))
    features = module.backbone(torch.cat([given.query, given.key]))
    labels = torch.tensor([20.0, 12.0, 10.0] * 2)
    expected = rank_n_contrast_loss(features, labels, temperature=1.5)
    assert torch.allclose(loss_of(module, given, 0), expected)


def test_a_key_of_another_picture_keeps_its_own_label():
    module, given = RankModule(backbone(), INCOMES), batch((0, 1))._replace(key_position=torch.tensor([2, 3]))
    features = module.backbone(torch.cat([given.query, given.key]))
    assert torch.allclose(
        loss_of(module, given, 0), rank_n_contrast_loss(features, torch.tensor([10.0, 12.0, 12.0, 20.0]))
    )


def test_ties_of_one_target_survive():
    """A third of the difference in deviations is not a third of the deviations' difference."""
    ages = np.array([0.1, 30, 60, 90]) + 0.7
    module = RankModule(backbone(), ages)
    assert torch.equal(module.targets[:, 0], torch.from_numpy(ages))


def test_units_of_several_targets_do_not_matter():
    table = np.random.default_rng(0).normal(size=(4, 2))
    losses = [loss_of(RankModule(backbone(), table * units), batch(), 0) for units in ([1, 1], [1000, 0.01])]
    assert torch.allclose(*losses)


def test_supervised_loss_is_the_absolute_error_of_the_standardised_target():
    module = SupervisedModule(backbone(), INCOMES, dim=6)
    with torch.no_grad():
        module.head.weight.zero_()
        module.head.bias.zero_()
    deviations = (INCOMES - INCOMES.mean()) / INCOMES.std()
    assert loss_of(module, batch(), 0).item() == pytest.approx(np.abs(deviations).mean())
    np.testing.assert_allclose(module.predict(torch.zeros(2, 3, 8, 8)), [[13.5], [13.5]], rtol=1e-6)
    assert module.training


def test_supervised_head_comes_from_its_seed():
    torch.manual_seed(5)
    heads = [SupervisedModule(backbone(), INCOMES, dim=6, seed=seed).head.weight for seed in (1, 1, 2)]
    assert torch.equal(heads[0], heads[1]) and not torch.equal(heads[0], heads[2])


@pytest.mark.parametrize("kind", [RankModule, SupervisedModule])
def test_training_lowers_the_loss_and_leaves_targets_out_of_the_weights(kind):
    options = {"dim": 6} if kind is SupervisedModule else {}
    module = kind(backbone(), INCOMES, optimisation=QUICK, **options)
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=30,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
    )
    losses = []
    module.on_train_batch_end = lambda out, *_: losses.append(float(out["loss"]))
    trainer.fit(module, Steps())
    assert losses[-1] < 0.9 * losses[0], losses
    assert trainer.callback_metrics["pretrain/loss"] == pytest.approx(losses[-1], rel=1e-6)
    assert "targets" not in module.state_dict()


def test_card_tells_the_method_and_the_scale():
    card = RankModule(backbone(), np.column_stack([INCOMES, [1, 2, 3, 4]])).card()
    assert card["method"] == "rank_n_contrast" and card["temperature"] == 2
    assert card["targets"]["mean"] == [13.5, 2.5] and card["optimisation"]["learning_rate"] == 5e-4
    assert SupervisedModule(backbone(), INCOMES, dim=6).card()["method"] == "supervised_l1"


@pytest.mark.parametrize(
    ("targets", "shown", "message"),
    [
        (INCOMES[:3], {}, "3 targets for 4 pictures"),
        ([1, 2, np.nan, 3], {}, "1 of the 4 pictures have no finite target"),
        ([7, 7, 7, 7], {}, "All 4 pictures have the same target"),
        ([7, 7, 8, 9], {"shown": [0, 1]}, "All 2 pictures have the same target"),
        ([[7, 1]] * 4, {}, "same target"),
        (INCOMES, {"batch_size": 1}, "batch_size=1"),
    ],
)
@pytest.mark.parametrize("kind", ["rank", "supervised"])
def test_what_cannot_be_learned_is_refused_before_training(targets, shown, message, kind):
    module = (
        RankModule(backbone(), targets) if kind == "rank" else SupervisedModule(backbone(), targets, dim=6)
    )
    with pytest.raises(InputError, match=message):
        module.check(views(**shown))


def test_pictures_that_no_pair_shows_need_no_target():
    RankModule(backbone(), [1, 2, np.nan, 3]).check(views(shown=[0, 1, 3]))


def test_targets_must_be_a_table():
    with pytest.raises(InputError, match=r"targets of shape \(2, 2, 1\)"):
        RankModule(backbone(), np.zeros((2, 2, 1)))


@pytest.fixture
def pictures(tmp_path):
    """Table of twelve files, the richer the brighter."""
    rng = np.random.default_rng(0)
    for k in range(12):
        pixels = rng.integers(0, 120, (12, 12, 3)) + 10 * k
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{k}.png")
    paths = [str(tmp_path / f"{k}.png") for k in range(12)]
    return pd.DataFrame({"image_id": [f"picture{k}" for k in range(12)], "path": paths})


def train(kind, pictures, out, devices):
    """Weights after two epochs of three steps; without normalisation, which sees a process's own pictures."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    how = Optimisation("sgd", 0.5, schedule="constant")
    options = {"dim": 4} if kind is SupervisedModule else {}
    module = kind(network, np.arange(12) // 2, optimisation=how, **options)
    views = Views(pictures, SamePicture(pictures), rank_augmentation(8), batch_size=4)
    done = run_training(
        module, views, out=out, epochs=2, devices=devices, accelerator="cpu", loggers=(), seed=1
    )
    return module.state_dict(), done


# Slow: processes that each load PyTorch; they are what is tested.
@pytest.mark.slow
@pytest.mark.parametrize("kind", [RankModule, SupervisedModule])
def test_a_training_in_two_processes_is_the_one_in_one(kind, pictures, tmp_path):
    one, alone = train(kind, pictures, tmp_path / "one", 1)
    two, shared = train(kind, pictures, tmp_path / "two", 2)
    assert alone.steps == shared.steps == 6
    assert shared.metrics["pretrain/loss"] == pytest.approx(alone.metrics["pretrain/loss"], rel=1e-5)
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-4, atol=1e-6)


def test_equal_labels_stop_a_training_before_it_starts(pictures, tmp_path):
    views = Views(pictures, SamePicture(pictures), rank_augmentation(8), batch_size=4)
    with pytest.raises(InputError, match="All 12 pictures have the same target"):
        run_training(RankModule(backbone(), np.ones(12)), views, out=tmp_path / "out", epochs=1)


@pytest.mark.slow  # two processes begin by importing torch
def test_two_processes_are_one(tmp_path):
    """Losses of 20 steps to 1e-9, and the same weights after them, whatever half a process sees."""
    spec = importlib.util.spec_from_file_location("rank_process", WORKER)
    alone = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(alone)
    results = [tmp_path / f"{rank}.pt" for rank in (0, 1)]
    started = [
        subprocess.Popen([sys.executable, WORKER, str(rank), tmp_path / "store", results[rank]])
        for rank in (0, 1)
    ]
    assert [process.wait(120) for process in started] == [0, 0]
    model = alone.network()
    losses = alone.train(model)
    assert losses[-1] < losses[0] and all(map(math.isfinite, losses))
    for path in results:
        found = torch.load(path, weights_only=True)
        np.testing.assert_allclose(found["losses"], losses, rtol=1e-9)
        for name, weight in model.state_dict().items():
            torch.testing.assert_close(found["weights"][name], weight, rtol=1e-9, atol=1e-12)
