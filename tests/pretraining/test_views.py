from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import rasterio
import torch
from PIL import Image

from geolivelihood.errors import InputError, MissingColumnError, TooManyRejectedError
from geolivelihood.pretraining.augmentations import moco_augmentation, overhead_augmentation, plain
from geolivelihood.pretraining.pairs import PlacePairs, SamePicture
from geolivelihood.pretraining.views import ViewBatch, Views


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for k in range(24):
        Image.fromarray(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(tmp_path / f"{k}.png")
    return tmp_path


def table(n=24):
    numbers = np.arange(n)
    ids = [f"image{k}" for k in numbers]
    return pd.DataFrame(
        {"image_id": ids, "path": [f"{k}.png" for k in numbers], "place_id": (numbers // 3).astype(str)}
    )


def make(folder, images=None, *, per="image", augmentation=None, **options):
    images = table() if images is None else images
    given = {"batch_size": 6, "root": folder} | options
    return Views(images, PlacePairs(images, per=per), augmentation or moco_augmentation(8), **given)


def epochs(views, n=2):
    found = []
    for epoch in range(n):
        views.set_epoch(epoch)
        found += list(views)
    return found


def assert_same(a, b):
    assert len(a) == len(b)
    for one, other in zip(a, b):
        for left, right in zip(one, other):
            assert torch.equal(left, right)


def test_batches_are_the_slots_of_the_epoch(folder):
    views = make(folder)
    assert len(views) == 4
    views.set_epoch(5)
    pairs = views.pairs.epoch(5)
    batches = list(views)
    assert torch.cat([batch.position for batch in batches]).tolist() == pairs.query.tolist()
    assert torch.cat([batch.key_position for batch in batches]).tolist() == pairs.key.tolist()
    first = batches[0]
    assert isinstance(first, ViewBatch)
    assert first.query.shape == first.key.shape == (6, 3, 8, 8)
    assert first.query.dtype == torch.float32
    assert first.position.dtype == torch.int64


def test_pictures_are_those_of_the_rows(folder):
    views = make(folder, augmentation=plain(20))
    for batch in views:
        for view, row in ((batch.query[0], batch.position[0]), (batch.key[0], batch.key_position[0])):
            with Image.open(folder / f"{row}.png") as image:
                pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
            assert torch.equal(view, plain(20)(pixels))


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_do_not_change_the_batches(folder, workers):
    (folder / "7.png").write_bytes(b"no picture")
    alone, helped = make(folder), make(folder, workers=workers)
    assert_same(epochs(alone), epochs(helped))
    pd.testing.assert_frame_equal(alone.rejected, helped.rejected)


@pytest.mark.parametrize("size", [2, 3, 6])
def test_shares_of_the_ranks_make_up_the_batch(folder, size):
    (folder / "7.png").write_bytes(b"no picture")
    whole = epochs(make(folder))
    shares = [epochs(make(folder, rank=rank, world_size=size)) for rank in range(size)]
    joined = [ViewBatch(*(torch.cat(side) for side in zip(*parts))) for parts in zip(*shares)]
    assert_same(whole, joined)
    assert len(shares[0][0].position) == 6 // size


def test_views_differ_between_epochs_slots_and_sides(folder):
    images = table()
    views = Views(images, SamePicture(images), moco_augmentation(8), batch_size=6, root=folder)
    a, b = epochs(views, 2)[0], epochs(views, 2)[4]
    assert not torch.equal(a.query, a.key)
    row = a.position[0]
    again = [batch for batch in epochs(views, 2)[4:] if row in batch.position]
    assert not torch.equal(again[0].query[again[0].position == row][0], a.query[0])
    assert b.position.tolist() != a.position.tolist()


def test_seed_changes_the_views(folder):
    assert not torch.equal(next(iter(make(folder))).query, next(iter(make(folder, seed=1))).query)


def test_random_numbers_of_the_caller_are_left_alone(folder):
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    list(make(folder))
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("step", [0, 1, 3, 4])
def test_state_goes_on_with_the_next_batch(folder, step):
    whole = epochs(make(folder), 3)
    views = make(folder)
    views.set_epoch(1)
    stream = iter(views)
    done = [next(stream) for _ in range(step)]
    assert_same(done, whole[4 : 4 + step])
    state = views.state_dict() if step else {"epoch": 1, "step": 0}
    resumed = make(folder, workers=1)
    resumed.load_state_dict(state)
    if step < 4:
        resumed.set_epoch(1)  # as Lightning does: the same epoch keeps its step
        assert_same(list(resumed), whole[4 + step : 8])
        resumed.set_epoch(2)
    assert_same(list(resumed), whole[8:])


def test_iterators_that_are_not_used_change_nothing(folder):
    views = make(folder)
    views.load_state_dict({"epoch": 0, "step": 2})
    iter(views)
    iter(views)
    assert len(list(views)) == 2


def test_unreadable_pictures_give_way_to_others(folder):
    (folder / "7.png").write_bytes(b"no picture")
    (folder / "8.png").unlink()
    views = make(folder)
    rows = torch.cat([torch.stack([b.position, b.key_position]) for b in epochs(views)], dim=1)
    assert not set(rows.flatten().tolist()) & {7, 8}
    assert rows.shape == (2, 48)
    assert views.rejected.to_dict("records") == [
        {"image_id": "image7", "reason": "not a picture, or its header is damaged"},
        {"image_id": "image8", "reason": "the file does not exist"},
    ]
    place = table()["place_id"].to_numpy()
    assert (place[rows[0]] == place[rows[1]]).all()


def test_too_many_unreadable_pictures_stop(folder):
    for k in range(5):
        (folder / f"{k}.png").write_bytes(b"")
    with pytest.raises(TooManyRejectedError, match=r"max_rejected=0\.1.*the file is empty"):
        epochs(make(folder))
    for k in range(24):
        (folder / f"{k}.png").write_bytes(b"")
    with pytest.raises(TooManyRejectedError, match="can stand in for"):
        epochs(make(folder, max_rejected=1.0))


def raster(path, dtype="uint16", bands=4):
    pixels = (np.arange(bands * 40 * 60).reshape(bands, 40, 60) % 3000).astype(dtype)
    profile = {"count": bands, "height": 40, "width": 60, "dtype": dtype, "nodata": 0}
    with rasterio.open(path, "w", driver="GTiff", crs=32636, **profile) as target:
        target.write(pixels)
    return pixels


def test_windows_of_rasters_in_physical_units(tmp_path):
    pixels = raster(tmp_path / "scene.tif")
    images = pd.DataFrame({"image_id": list("ab"), "path": "scene.tif", "place_id": "p"})
    images = images.assign(col_off=[0, 30], row_off=[0, 10], width=16, height=16)
    views = Views(
        images,
        PlacePairs(images, per="image"),
        overhead_augmentation(16, bands=2, zoom=(1.0, 1.0), blur=False, mean=(0.0, 0.0), sd=(1.0, 1.0)),
        batch_size=2,
        root=tmp_path,
        bands=(4, 2),
        value_range=(0, 3000),
    )
    prepared = views._slots.loader.load(np.array([1]))[0].array
    np.testing.assert_allclose(prepared, pixels[[3, 1], 10:26, 30:46] / 3000, rtol=1e-6)
    batch = next(iter(views))
    assert batch.query.shape == (2, 2, 16, 16)


def test_pixels_without_data_take_the_mean(tmp_path):
    pixels = np.full((20, 20, 4), 255, np.uint8)
    pixels[:10, :, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "0.png")
    images = table(1)
    views = Views(images, SamePicture(images), plain(20), batch_size=1, root=tmp_path)
    batch = next(iter(views))
    assert (batch.query[0, :, :10].abs() < 1e-6).all()
    assert (batch.query[0, :, 10:] > 1).all()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"augmentation": overhead_augmentation(8, bands=3)}, "4 bands, the augmentation is for 3"),
        ({"augmentation": overhead_augmentation(8, bands=4)}, "physical units: say which values"),
        ({"augmentation": overhead_augmentation(8, bands=1), "bands": (7,)}, "count them from 1"),
    ],
)
def test_pictures_that_do_not_fit_say_so(tmp_path, options, reason):
    raster(tmp_path / "scene.tif")
    images = pd.DataFrame({"image_id": ["a"], "path": ["scene.tif"], "place_id": ["p"]})
    views = make(tmp_path, images, batch_size=1, **options)
    with pytest.raises(TooManyRejectedError, match=reason):
        next(iter(views))


def test_last_batch_can_be_kept(folder):
    views = make(folder, batch_size=10, drop_last=False)
    assert len(views) == 3
    assert [len(batch.position) for batch in views] == [10, 10, 4]
    assert len(make(folder, batch_size=10)) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batch_size": 25}, "an epoch has 24 pairs"),
        ({"batch_size": 9, "per": "place"}, "an epoch has 8 pairs"),
        ({"batch_size": 0}, "at least 1 pair"),
        ({"workers": -1}, "0 or more workers"),
        ({"max_rejected": 2.0}, "from 0 to 1"),
        ({"value_range": (5, 5)}, "low below high"),
        ({"rank": 0, "world_size": 4}, "multiple of 4"),
        ({"rank": 2, "world_size": 2}, "ranks count from 0"),
        ({"rank": 0, "world_size": 2, "drop_last": False}, "drop_last=True"),
    ],
)
def test_options_are_checked(folder, options, said):
    with pytest.raises(InputError, match=said):
        make(folder, **options)


def test_table_is_checked(folder):
    with pytest.raises(MissingColumnError, match="lacks path"):
        make(folder, table().drop(columns="path"))
    with pytest.raises(InputError, match="'image0'"):
        make(folder, table().assign(image_id="image0"))
    with pytest.raises(InputError, match="no image_id or no path, the first in row 3"):
        make(folder, table().assign(path=lambda t: t["path"].where(t.index != 3)))
