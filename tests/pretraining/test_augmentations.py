from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from geolivelihood.errors import InputError
from geolivelihood.pretraining.augmentations import (
    adjust_hue,
    moco_augmentation,
    overhead_augmentation,
    plain,
    rank_augmentation,
)

ALL = [
    moco_augmentation(16),
    moco_augmentation(16, temporal=True),
    overhead_augmentation(16),
    overhead_augmentation(16, bands=1),
    overhead_augmentation(16, bands=7),
    rank_augmentation(16),
    rank_augmentation(16, train=False),
    plain(16),
]


def picture(bands=3, height=50, width=70):
    y, x = np.mgrid[:height, :width]
    return torch.from_numpy(np.stack([(30 * b + 2 * x + y) % 256 for b in range(bands)]).astype(np.uint8))


def bands_of(augmentation):
    return 3 if augmentation.mean is None else len(augmentation.mean)


def steps(augmentation):
    return list(augmentation.steps)


@pytest.mark.parametrize("augmentation", ALL, ids=lambda a: a.card()["augmentation"])
@pytest.mark.parametrize("shape", [(50, 70), (70, 50), (9, 5)])
@pytest.mark.parametrize("depth", ["bytes", "float"])
def test_any_picture_becomes_a_view(augmentation, shape, depth):
    pixels = picture(bands_of(augmentation), *shape)
    if depth == "float":
        pixels = pixels / 255
    view = augmentation(pixels)
    assert view.shape == (bands_of(augmentation), 16, 16)
    assert view.dtype == torch.float32
    assert view.isfinite().all()


@pytest.mark.parametrize("augmentation", ALL, ids=lambda a: a.card()["augmentation"])
def test_cards_are_json_and_augmentations_travel_between_processes(augmentation):
    card = json.loads(json.dumps(augmentation.card()))
    assert card["size"] == 16
    assert card["mean"] == (augmentation.mean and list(augmentation.mean))
    assert pickle.loads(pickle.dumps(augmentation)).card() == augmentation.card()


@pytest.mark.parametrize("augmentation", ALL, ids=lambda a: a.card()["augmentation"])
def test_random_numbers_are_torchs(augmentation):
    pixels = picture(bands_of(augmentation))
    torch.manual_seed(3)
    first = [augmentation(pixels) for _ in range(4)]
    torch.manual_seed(3)
    again = [augmentation(pixels) for _ in range(4)]
    assert all(torch.equal(a, b) for a, b in zip(first, again))


@pytest.mark.parametrize(("temporal", "least"), [(False, 0.2), (True, 0.08)])
def test_published_moco_transform(temporal, least):
    found = steps(moco_augmentation(temporal=temporal))
    resize, *rest = found
    assert isinstance(resize, v2.Resize) and resize.size == [448]
    if temporal:
        centre, *rest = rest
        assert isinstance(centre, v2.CenterCrop) and centre.size == (448, 448)
    crop, jitter, grey, blur, flip = rest
    assert isinstance(crop, v2.RandomResizedCrop)
    assert (crop.size, crop.scale, crop.ratio) == ((224, 224), (least, 1.0), (3 / 4, 4 / 3))
    assert jitter.p == 0.8
    inner = jitter.transforms[0]
    assert (inner.brightness, inner.contrast, inner.saturation) == ((0.6, 1.4),) * 3
    assert inner.hue == (-0.1, 0.1)
    assert isinstance(grey, v2.RandomGrayscale) and grey.p == 0.2
    assert blur.p == 0.5
    assert tuple(blur.transforms[0].sigma) == (0.1, 2.0)
    assert isinstance(flip, v2.RandomHorizontalFlip) and flip.p == 0.5


def test_lengths_scale_with_the_size():
    found = steps(moco_augmentation(32, temporal=True))
    assert (found[0].size, found[1].size, found[2].size) == ([64], (64, 64), (32, 32))
    assert tuple(found[-2].transforms[0].sigma) == pytest.approx((0.1 / 7, 2 / 7))


@pytest.mark.parametrize("turn", [-0.1, -0.03, 0.0, 0.07, 0.5])
def test_hue_is_that_of_torchvision(turn):
    torch.manual_seed(0)
    pixels = torch.rand(3, 20, 20)
    pixels[:, :4] = pixels[:1, :4]  # greys have no hue
    pixels[1, 5] = pixels[0, 5]  # ties of two colours
    expected = v2.functional.adjust_hue(pixels, turn)
    torch.testing.assert_close(adjust_hue(pixels, turn), expected, atol=1e-5, rtol=0)


def test_blur_is_that_of_torchvision():
    torch.manual_seed(0)
    pixels = torch.rand(3, 30, 30)
    blur = steps(moco_augmentation())[-2].transforms[0]
    blur.sigma = (1.3, 1.3)
    expected = v2.functional.gaussian_blur(pixels, [13, 13], [1.3, 1.3])
    torch.testing.assert_close(blur(pixels)[:, 6:-6, 6:-6], expected[:, 6:-6, 6:-6])


def test_jitter_is_within_its_bounds():
    jitter = steps(moco_augmentation())[-4].transforms[0]
    torch.manual_seed(0)
    views = torch.stack([jitter(torch.full((3, 4, 4), 0.5)) for _ in range(300)])
    # of a grey picture, brightness alone is left to change
    assert 0.3 <= views.min() < 0.32 and 0.68 < views.max() <= 0.7 + 1e-6


def test_plain_is_the_normalised_centre():
    pixels = picture(height=16, width=16)
    view = plain(16)(pixels)
    mean, sd = (torch.tensor(v).view(3, 1, 1) for v in (plain(16).mean, plain(16).sd))
    torch.testing.assert_close(view, (pixels / 255 - mean) / sd)


def test_rank_transform_scales_each_picture_by_itself():
    pixels = picture(height=16, width=16)
    pixels[0, 0, :2] = torch.tensor([40, 200], dtype=torch.uint8)
    pixels = pixels.clamp(40, 200)
    view = rank_augmentation(16, train=False)(pixels)
    expected = (pixels / 255 - 40 / 255) / (160 / 255 + 1e-10)
    torch.testing.assert_close(view, expected)
    constant = rank_augmentation(16, train=False)(torch.full((3, 16, 16), 7, dtype=torch.uint8))
    assert (constant == 0).all()


def test_published_rank_transform():
    assert rank_augmentation().size == 500
    _, resize, augment, erase = steps(rank_augmentation())
    assert resize.size == [500, 500]
    assert (type(augment), augment.num_ops, augment.magnitude) == (v2.RandAugment, 2, 9)
    assert (type(erase), erase.p) == (v2.RandomErasing, 0.5)


def test_ground_crop_keeps_the_sampling_distance_within_its_bounds():
    # a ramp of one grey value per pixel: the slope of a view is its ground sampling distance
    ramp = (torch.arange(256.0).expand(1, 256, 256) / 255).contiguous()
    augmentation = overhead_augmentation(32, bands=1, zoom=(0.5, 2.0))
    crop = steps(augmentation)[0]
    torch.manual_seed(0)
    slopes = np.array([float(np.median(np.diff(crop(ramp)[0, 16].numpy() * 255))) for _ in range(200)])
    assert slopes.min() >= 0.45 and slopes.max() <= 2.05
    assert slopes.min() < 0.6 and slopes.max() > 1.7
    assert np.median(slopes) == pytest.approx(1.0, abs=0.2)


def test_overhead_turns_and_mirrors_in_all_eight_ways():
    turns = steps(overhead_augmentation(8, bands=1, blur=False))[-3:]
    pixels = torch.arange(64.0).reshape(1, 8, 8)
    torch.manual_seed(0)
    found = set()
    for _ in range(200):
        view = pixels
        for step in turns:
            view = step(view)
        found.add(tuple(view[0, [0, 0, -1, -1], [0, -1, 0, -1]].tolist()))
    assert len(found) == 8


def test_bands_have_a_gain_and_an_offset_of_their_own():
    jitter = steps(overhead_augmentation(8, bands=5))[1].transforms[0]
    pixels = torch.rand(5, 8, 8) * 0.2 + 0.4
    torch.manual_seed(0)
    changed = jitter(pixels)
    for before, after in zip(pixels, changed):
        gain, offset = np.polyfit(before.flatten().numpy(), after.flatten().numpy(), 1)
        torch.testing.assert_close(after, before * gain + offset, atol=1e-5, rtol=0)
        assert 0.6 <= gain <= 1.4 and abs(offset) <= 0.1


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: plain(0), "at least 1"),
        (lambda: overhead_augmentation(8, zoom=(2.0, 1.0)), "zoom"),
        (lambda: overhead_augmentation(8, bands=0), "at least one band"),
        (lambda: overhead_augmentation(8, bands=4, mean=(0.5,) * 3), "one per band"),
    ],
)
def test_options_are_checked(make, said):
    with pytest.raises(InputError, match=said):
        make()
