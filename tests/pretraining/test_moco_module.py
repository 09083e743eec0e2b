"""The four variants in Lightning: what they refuse before the first step, log, save and resume."""

import copy
import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from PIL import Image
from shapely import Point
from torch import nn

from geolivelihood.errors import InputError
from geolivelihood.pretraining.augmentations import plain
from geolivelihood.pretraining.geography import cell_labels, sphere_labels
from geolivelihood.pretraining.moco_module import MoCoModule
from geolivelihood.pretraining.pairs import PlacePairs, SamePicture
from geolivelihood.pretraining.presets import PAPER, SMALL_DATA
from geolivelihood.pretraining.queue import Origin
from geolivelihood.pretraining.schedules import Optimisation
from geolivelihood.pretraining.training import run_training
from geolivelihood.pretraining.views import Views

PLACES, DATES = 12, 3


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 6, 3, 2, bias=False), nn.BatchNorm2d(6), nn.ReLU())

    def forward(self, pictures):
        return self.layers(pictures).mean(dim=(2, 3))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Twelve places on three dates each."""
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    rows = []
    for place in range(PLACES):
        base = np.broadcast_to(rng.integers(40, 215, 3), (12, 12, 3))
        for date in range(DATES):
            path = folder / f"{place}_{date}.png"
            Image.fromarray((base + rng.integers(-20, 20, base.shape)).astype(np.uint8)).save(path)
            rows.append(
                (f"{place}_{date}", str(path), "overhead", f"p{place}", Point(10 * place - 60, place))
            )
    table = pd.DataFrame(rows, columns=["image_id", "path", "kind", "place_id", "geometry"])
    return gpd.GeoDataFrame(table, crs="EPSG:4326")


def lonlat(images):
    return np.c_[images.geometry.x, images.geometry.y]


def origin(images):
    return Origin.of(len(images), places=images["place_id"], lonlat=lonlat(images))


def views(images, *, temporal=True, batch_size=6, **options):
    pairs = PlacePairs(images, temporal=temporal, seed=0)
    return Views(images, pairs, plain(12), batch_size=batch_size, **options)


def module(images, *, temporal=True, **options):
    torch.manual_seed(0)
    settings = {"size": 12, "dim": 8, "queue_size": 6, "bn_groups": 2, "metrics_every": 1} | options
    settings = {"optimisation": Optimisation(learning_rate=0.05), "origin": origin(images)} | settings
    return MoCoModule(Tiny(), temporal=temporal, **settings)


@pytest.mark.parametrize("temporal", [False, True])
@pytest.mark.parametrize("geo", [False, True])
def test_four_variants_are_two_switches(images, tmp_path, temporal, geo):
    labels = sphere_labels(lonlat(images), clusters=2) if geo else None
    model = module(images, temporal=temporal, geo=labels)
    before = copy.deepcopy(model.backbone.state_dict())
    result = run_training(model, views(images, temporal=temporal), out=tmp_path, epochs=2, keep=0)
    assert result.steps == 4 and np.isfinite(result.metrics["pretrain/loss"])
    parts = {"pretrain/geo", "pretrain/contrast", "pretrain/geo_acc1"}
    assert parts & set(result.metrics) == (parts if geo else set())
    assert {"pretrain/acc1", "pretrain/acc5", "pretrain/top_n"} <= set(result.metrics)
    card = json.loads(json.dumps(model.card()))
    assert card["method"] == "MoCo-v2" + "+Geo" * geo + "+TP" * temporal
    assert card["temperature"] == 0.1 and card["queue_size"] == 6
    assert (card["geo"] is not None) == geo and (card["note"] is not None) == temporal
    assert not before["layers.0.weight"].equal(model.backbone.state_dict()["layers.0.weight"])


def test_the_queue_holds_the_last_keys_and_where_they_come_from(images, tmp_path):
    model = module(images)
    run_training(model, views(images), out=tmp_path, epochs=1, keep=0)
    known = origin(images)
    assert sorted(model.queue.place.tolist()) == sorted(set(model.queue.place.tolist()))
    last = views(images).pairs.epoch(0).key[6:12]
    assert model.queue.place.tolist() == known.place[torch.from_numpy(last)].tolist()
    assert model.queue.cell.tolist() == known.cell[torch.from_numpy(last)].tolist()


def test_a_resumed_training_ends_as_one_that_was_not_stopped(images, tmp_path):
    whole = module(images)
    run_training(whole, views(images), out=tmp_path / "whole", epochs=3, save_every_steps=1)

    class Killed(Exception):
        pass

    class Killer(Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            if trainer.global_step == 3:  # in the middle of the second epoch
                raise Killed

    model, options = module(images), {"epochs": 3, "save_every_steps": 1, "callbacks": [Killer()]}
    with pytest.raises(Killed):
        run_training(model, views(images), out=tmp_path / "cut", **options)
    again = module(images)
    result = run_training(again, views(images), out=tmp_path / "cut", epochs=3, save_every_steps=1)
    assert result.resumed_from == 3
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0, equal_nan=True, msg=name)


def test_a_checkpoint_holds_the_queue_but_not_the_table(images):
    names = set(module(images, geo=sphere_labels(lonlat(images), clusters=2)).state_dict())
    assert {f"moco.queue.{n}" for n in ("keys", "pointer", "place", "cell", "vector")} <= names
    assert not any("origin" in name or "geo_labels" in name for name in names)


def test_symmetric_cells_soft_labels_and_group_norm_run(images, tmp_path):
    labels = cell_labels(lonlat(images), resolutions=(0, 1), bandwidth_m=2e6)
    model = module(images, geo=labels, symmetric=True, queue_size=8, norm="group", within=500_000.0)
    result = run_training(model, views(images, batch_size=4), out=tmp_path, epochs=1, keep=0)
    assert result.metrics["pretrain/geo"] > 0 and model.queue.place.ge(0).all()


def test_without_origins_every_key_is_a_negative(images, tmp_path):
    model = module(images, temporal=False, origin=None)
    data = Views(images, SamePicture(images, per="image"), plain(12), batch_size=6)
    run_training(model, data, out=tmp_path, epochs=1, keep=0)
    assert model.queue.place.eq(-1).all()


def test_the_queue_is_fitted_to_the_places(images):
    model = module(images, queue_size=60)
    with pytest.warns(UserWarning, match="queue_size=60 is reduced to 6: there are 12 places and 6 keys"):
        model.check(views(images))
    assert model.queue.size == 6
    paper = module(images, queue_size=60, paper=True, within=None)
    with pytest.warns(UserWarning, match="as published"):
        paper.check(views(images))
    assert paper.queue.size == 60


def test_what_cannot_work_is_refused_before_training(images):
    good = views(images)
    cases = [
        ({"queue_size": 10}, "queue_size=10 is no multiple of the 6 keys"),
        ({"symmetric": True, "queue_size": 6}, "queue_size=6 is no multiple of the 12 keys"),
        ({"bn_groups": 4}, "bn_groups=4 groups of two or more. Choose bn_groups=3"),
        ({"temporal": False}, "temporal=False, but 100% of the pairs are of different pictures"),
        ({"origin": Origin.of(5)}, "origin covers 5 pictures, but the table of images has 36 rows"),
        ({"geo": sphere_labels(lonlat(images)[:30], clusters=2)}, "geo covers 30 pictures"),
        ({"origin": Origin.of(36, places=["a"] * 36)}, "come from 1 place: nothing can be told apart"),
    ]
    for options, words in cases:
        with pytest.raises(InputError, match=words):
            module(images, **options).check(good)
    with pytest.raises(InputError, match="drop_last=True"):
        module(images).check(views(images, drop_last=False))
    with pytest.raises(InputError, match="at least 2 pictures, or norm='group'"):
        module(images, queue_size=4).check(views(images, batch_size=1))
    with pytest.raises(InputError, match="temporal=True, but no place has two pictures"):
        module(images).check(views(images, temporal=False))
    with pytest.raises(InputError, match="bn_groups=0"):
        module(images, bn_groups=0)


def test_geography_needs_coordinates(images):
    where = lonlat(images)
    where[3] = np.nan
    with pytest.raises(InputError, match="have no usable coordinates"):
        sphere_labels(where, clusters=2)
    # contrast does not: the picture is just near nobody
    assert Origin.of(len(images), lonlat=where).cell[3] == -1


def test_a_loss_of_nan_leaves_the_queue_alone(images, tmp_path):
    model = module(images)
    with torch.no_grad():
        model.backbone.layers[0].weight.fill_(float("nan"))
    before = model.queue.keys.clone()
    with pytest.raises(InputError, match="loss became nan at step 1 of epoch 1"):
        run_training(model, views(images), out=tmp_path, epochs=1)
    assert model.queue.keys.equal(before) and list(tmp_path.glob("broken_batch*.safetensors"))


def test_presets_are_settings_of_the_module(images):
    assert PAPER.module["temperature"] == 0.02 and PAPER.module["queue_size"] == 65_536
    assert PAPER.optimisation.rate(100, epochs=200) == pytest.approx(0.015)
    rates = [PAPER.optimisation.rate(epoch, epochs=200) for epoch in (0, 1, 50, 100, 199)]
    assert rates == pytest.approx([0.03, 0.029998149, 0.025606602, 0.015, 1.850513e-6], abs=1e-9)
    for preset in (PAPER, SMALL_DATA):
        assert preset.module["queue_size"] % preset.batch_size == 0
        made = MoCoModule(Tiny(), size=12, **preset.module | {"queue_size": 16})
        assert made.card()["temperature"] == preset.module["temperature"]
