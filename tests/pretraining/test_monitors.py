"""Monitors log a probe's scores and leave the training as it would have been without them."""

import copy

import lightning.pytorch as pl
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from geolivelihood.errors import InputError, MissingColumnError, TooManyRejectedError
from geolivelihood.pretraining.augmentations import plain
from geolivelihood.pretraining.monitors import KnnMonitor, ProbeMonitor
from geolivelihood.pretraining.pairs import SamePicture
from geolivelihood.pretraining.schedules import Optimisation
from geolivelihood.pretraining.training import run_training
from geolivelihood.pretraining.views import Views

PLAIN = plain(8, mean=(0.5,) * 3, sd=(0.25,) * 3)


@pytest.fixture
def images(tmp_path, rng):
    """Red and blue pictures, how red they are, and folds."""
    n, rows = 24, []
    for k in range(n):
        red = k % 2 == 0
        pixels = rng.integers(0, 60, (8, 8, 3)).astype(np.uint8)
        strength = int(rng.integers(80, 190))
        pixels[..., 0 if red else 2] += strength
        Image.fromarray(pixels).save(tmp_path / f"{k}.png")
        rows.append(
            (f"i{k}", str(tmp_path / f"{k}.png"), "red" if red else "blue", strength * (1.0 if red else -1))
        )
    return pd.DataFrame(rows, columns=["image_id", "path", "label", "redness"])


FOLDS = np.arange(24) // 8


class Module(pl.LightningModule):
    """A small network with all that a monitor must not touch: batch norm, dropout, random steps."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            layers = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(0.5)
            self.backbone = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.optimisation = Optimisation(learning_rate=0.05)

    def training_step(self, batch, index):
        noise = torch.rand(1) + float(np.random.rand())  # noqa: NPY002
        loss = (self.backbone(batch.query) - self.backbone(batch.key)).square().mean() * noise[0]
        self.log("pretrain/loss", loss)
        return loss

    def configure_optimizers(self):
        return self.optimisation.configure(self.parameters(), epochs=4, steps_per_epoch=3)


def trained(images, out, callbacks=(), **options):
    module = Module()
    np.random.seed(0)  # noqa: NPY002
    views = Views(images, SamePicture(images), PLAIN, batch_size=8)
    return module, run_training(
        module, views, out=out, epochs=4, accelerator="cpu", callbacks=callbacks, **options
    )


def test_training_is_the_same_with_and_without(images, tmp_path):
    alone, _ = trained(images, tmp_path / "a")
    monitors = [
        KnnMonitor(images, FOLDS, augmentation=PLAIN),
        ProbeMonitor(images, FOLDS, augmentation=PLAIN),
    ]
    watched, result = trained(images, tmp_path / "b", monitors)
    for key, value in alone.state_dict().items():
        assert torch.equal(value, watched.state_dict()[key]), key
    assert {"val/knn_acc", "val/knn_f1", "val/probe_acc", "val/probe_balanced_acc"} <= set(result.metrics)
    assert result.metrics["val/knn_acc"] == 1


def test_the_best_epochs_are_kept_by_a_monitor(images, tmp_path):
    scores = iter([0.2, 0.9, 0.5, 0.1])
    monitor = ProbeMonitor(images, FOLDS, augmentation=PLAIN)
    plain_probe = monitor.probe
    monitor.probe = lambda network: plain_probe(network)._replace(scores={"accuracy": next(scores)})
    trained(images, tmp_path / "out", [monitor], monitor="val/probe_acc", keep=2)
    assert sorted(p.name for p in (tmp_path / "out").glob("epoch_*.ckpt")) == [
        "epoch_0002.ckpt",
        "epoch_0003.ckpt",
    ]


def test_every_other_epoch_and_the_last(images, tmp_path):
    seen = []
    monitor = KnnMonitor(images, FOLDS, augmentation=PLAIN, every=3, k=3)
    whole = monitor.probe

    def counted(network):
        seen.append(1)
        return whole(network)

    monitor.probe = counted
    trained(images, tmp_path / "out", [monitor])
    assert len(seen) == 2  # after the third and the fourth


def test_network_stays_as_it_is(images):
    network = Module().backbone.train()
    network[1].eval()
    before, modes = copy.deepcopy(network.state_dict()), [m.training for m in network.modules()]
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    result = KnnMonitor(images, FOLDS, augmentation=PLAIN, k=5).probe(network)
    assert torch.equal(torch.rand(3), expected)
    assert [m.training for m in network.modules()] == modes
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert result.scores["accuracy"] == 1 and np.array_equal(result.fold, FOLDS)


def test_amounts(images):
    network = Module().backbone
    for monitor in (KnnMonitor, ProbeMonitor):
        made = monitor(images, FOLDS, augmentation=PLAIN, label="redness")
        assert not made.classes and made.probe(network).scores["kendall_tau"] > 0.3
    codes = images.assign(code=(images["label"] == "red").astype(float))
    assert KnnMonitor(codes, FOLDS, augmentation=PLAIN, label="code", task="classes").classes


def test_unreadable_pictures_are_set_aside(images, tmp_path):
    (tmp_path / "3.png").write_bytes(b"")
    network = Module().backbone
    monitor = KnnMonitor(images, FOLDS, augmentation=PLAIN, k=5)
    assert len(monitor.probe(network).prediction) == 23 and "empty" in monitor.rejected["3"]
    for k in range(6):
        (tmp_path / f"{k}.png").unlink(missing_ok=True)
    with pytest.raises(TooManyRejectedError, match="6 of 24 monitored pictures"):
        monitor.probe(network)


@pytest.mark.parametrize(
    ("changes", "folds", "options", "said"),
    [
        ({"label": None}, FOLDS, {}, "24 of 24 monitored pictures have no 'label'"),
        ({"label": "red"}, FOLDS, {}, "the same 'label'"),
        ({}, FOLDS[:3], {}, "whole number for each of the 24"),
        ({}, np.zeros(24, int), {}, "at least two"),
        ({}, FOLDS, {"every": 0}, "every=0"),
        ({}, FOLDS, {"task": "ranks"}, "'ranks'"),
    ],
)
def test_bad_input(images, changes, folds, options, said):
    with pytest.raises(InputError, match=said):
        KnnMonitor(images.assign(**changes), folds, augmentation=PLAIN, **options)


def test_tables_without_labels(images):
    with pytest.raises(MissingColumnError, match="lacks wealth"):
        ProbeMonitor(images, FOLDS, augmentation=PLAIN, label="wealth")
