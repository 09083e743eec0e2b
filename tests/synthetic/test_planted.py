"""Tiles in which the evidence is known."""

import numpy as np
import pytest

from geolivelihood.errors import InputError
from geolivelihood.synthetic.planted import planted_tiles


def test_masks_mark_what_sets_the_label():
    tiles = planted_tiles(40, size=64, seed=3)
    assert tiles.images.shape == (40, 3, 64, 64) and tiles.images.dtype == np.uint8
    assert 10 < tiles.labels.sum() < 30
    np.testing.assert_array_equal(tiles.masks.any(axis=(1, 2)), tiles.labels)
    np.testing.assert_array_equal(tiles.houses > 0, tiles.labels)
    assert 0.005 < tiles.masks[tiles.labels].mean() < 0.15


def test_without_the_group_the_tile_is_the_same():
    """What differs between a tile with and one without is inside the mask, but for light and noise."""
    with_, without = (planted_tiles(1, size=96, share=share, seed=5) for share in (1.0, 0.0))
    outside = ~with_.masks[0]
    change = np.abs(with_.images[0].astype(float) - without.images[0])[:, outside]
    inside = np.abs(with_.images[0].astype(float) - without.images[0])[:, with_.masks[0]]
    assert np.median(change) < 25 and inside.mean() > 1.5 * change.mean()


def test_the_same_seed_gives_the_same_tiles_and_longer_series_begin_alike():
    few, many = planted_tiles(3, size=48, seed=1), planted_tiles(5, size=48, seed=1)
    for a, b in zip(few, many):
        np.testing.assert_array_equal(a, b[:3])
    assert (planted_tiles(3, size=48, seed=2).images != few.images).any()


def test_groups_lie_anywhere():
    tiles = planted_tiles(60, size=48, share=1.0)
    where = np.array([np.argwhere(mask).mean(axis=0) for mask in tiles.masks]) / 48
    assert (np.abs(where.mean(axis=0) - 0.5) < 0.1).all() and (where.std(axis=0) > 0.15).all()


def test_decoys_stand_in_every_tile_and_change_neither_labels_nor_masks():
    plain, decoyed = (planted_tiles(30, size=64, decoys=decoys, seed=3) for decoys in (False, True))
    np.testing.assert_array_equal(plain.masks, decoyed.masks)
    np.testing.assert_array_equal(plain.houses, decoyed.houses)
    change = np.abs(plain.images.astype(float) - decoyed.images).max(axis=1) > 30
    share = change.mean(axis=(1, 2))
    assert (share > 0.005).all() and share.max() < 0.2
    # the houses stand above them and strike the eye no more than they do
    assert abs(share[plain.labels].mean() - share[~plain.labels].mean()) < 0.02
    apart = ~plain.masks & change
    bright = decoyed.images.mean(axis=1)
    assert np.median(bright[apart]) == pytest.approx(np.median(bright[plain.masks]), rel=0.35)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"n": 2, "size": 16}, {"n": 2, "share": 1.5}])
def test_bad_input(wrong):
    with pytest.raises(InputError, match="size >= 32"):
        planted_tiles(**wrong)
