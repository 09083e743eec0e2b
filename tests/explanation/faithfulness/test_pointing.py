"""Pointing at known evidence."""

import numpy as np
import pytest

from geolivelihood.errors import InputError
from geolivelihood.explanation.attribution import Attribution
from geolivelihood.explanation.faithfulness import paired_difference, pointing, random_attributions
from geolivelihood.explanation.faithfulness.cells import at_cells, cell_of_pixels


def attribution(maps, *, start, jump, size):
    maps = np.asarray(maps, dtype=float)
    none = np.zeros(len(maps))
    return Attribution(maps, maps.sum(axis=(1, 2)), none, none, "none", "0", "given", start, jump, size)


def test_hits_chance_centre_and_mass():
    maps = np.zeros((4, 7, 7))
    maps[:, 2, 3] = 3
    maps[:, 5, 5] = 1
    maps[:, 0, 0] = -9
    masks = np.zeros((4, 224, 224), bool)
    masks[0, 64:80, 96:112] = True  # on the cell's node (64.5, 96.5)
    masks[1, 64:80, 112:128] = True  # its nearest pixel 16 px off
    masks[2, 64:80, 111:127] = True  # 15 px off, which is not less than 15
    found = pointing(attribution(maps, start=0.5, jump=32.0, size=(224, 224)), masks)
    assert found.hit.tolist()[:3] == [1, 0, 0] and found.iloc[3].isna().all()
    # a square of 16 px dilated by less than 15 px
    near = (np.hypot(*np.ogrid[-50:51, -50:51]) < 15).sum()
    assert found.chance[0] == pytest.approx((16 * 16 + 4 * 16 * 14 + near - 4 * 14 - 1) / 224**2)
    assert found.centre.tolist()[:3] == [0, 0, 0]
    block = (cell_of_pixels(attribution(maps, start=0.5, jump=32.0, size=(224, 224))) == 2 * 7 + 3).sum()
    assert found.inside[0] == pytest.approx(0.75 * (16 * 16) / block)


def test_cells_are_what_pixels_are_nearest_to():
    rows = cell_of_pixels(attribution(np.zeros((1, 7, 7)), start=0.5, jump=32.0, size=(224, 224)))[:, 0] // 7
    widths = np.bincount(rows)
    assert widths[0] in (16, 17) and widths[-1] in (47, 48) and set(widths[1:-1]) <= {31, 32, 33}


def test_maps_of_pixels_are_summed_over_blocks():
    rng = np.random.default_rng(0)
    whole = attribution(rng.normal(size=(2, 56, 56)), start=0.5, jump=1.0, size=(56, 56))
    coarse = at_cells(whole)
    np.testing.assert_allclose(coarse.maps, whole.maps.reshape(2, 14, 4, 14, 4).sum(axis=(2, 4)))
    assert (coarse.start, coarse.jump) == (2, 4)
    assert at_cells(coarse) is coarse


def test_random_maps_are_seeded_and_differences_have_intervals():
    like = attribution(np.zeros((5, 7, 7)), start=0.5, jump=32.0, size=(224, 224))
    first, again = (list(random_attributions(like, draws=2, random_state=3)) for _ in range(2))
    np.testing.assert_array_equal(first[1].maps, again[1].maps)
    assert (first[0].maps != first[1].maps).any() and first[0].method == "random"
    rng = np.random.default_rng(0)
    controls = rng.normal(size=(10, 40))
    better = paired_difference(rng.normal(1, 1, 40), controls)
    assert better.lower > 0 and better.lower < better.mean < better.upper
    assert paired_difference(controls[0], controls).lower < 0
    assert np.isnan(paired_difference(np.full(3, np.nan), np.zeros((2, 3)))).all()


def test_masks_must_fit():
    with pytest.raises(InputError, match=r"\(1, 8, 8\) is needed"):
        pointing(attribution(np.zeros((1, 2, 2)), start=2, jump=4.0, size=(8, 8)), np.zeros((1, 8, 9)))
