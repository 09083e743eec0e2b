"""Random convolutional features against the formula, with gaps, and with any number of bands."""

from __future__ import annotations

import numpy as np
import pytest

from geolivelihood.errors import InputError
from geolivelihood.features import Picture, RandomConvolutions, whitened_patches


def pictures(rng, n=6, bands=3, side=12):
    return [rng.normal(50, 10, (bands, side, side)).astype(np.float32) for _ in range(n)]


@pytest.mark.parametrize("bands", [1, 3, 12])
def test_any_number_of_bands(rng, bands):
    sample = pictures(rng, bands=bands)
    encoder = RandomConvolutions(n_features=20).fit(sample)
    features = encoder.encode(sample)
    assert features.shape == (6, 20) and features.dtype == np.float32
    assert (features >= -1e-6).all() and np.isfinite(features).all()


def test_formula(rng):
    sample = pictures(rng, side=6)
    encoder = RandomConvolutions(n_features=8, bias=0.5).fit(sample)
    state = {key: value.double().numpy() for key, value in encoder.state().items()}
    scaled = (sample[0] - state["mean"][:, None, None]) / state["sd"][:, None, None]
    windows = np.lib.stride_tricks.sliding_window_view(scaled, (3, 3), axis=(1, 2))
    response = np.einsum("byxij,fbij->fyx", windows, state["filters"])
    positive = np.maximum(response - 0.5, 0).mean(axis=(1, 2))
    negative = np.maximum(-response - 0.5, 0).mean(axis=(1, 2))
    found = encoder.encode(sample[:1])[0]
    np.testing.assert_allclose(found, np.concatenate([positive, negative]), rtol=1e-4, atol=1e-5)


def test_gaps_take_no_part(rng):
    sample = pictures(rng, side=20)
    encoder = RandomConvolutions(n_features=16).fit(sample)
    gappy = np.full((3, 20, 30), np.nan, dtype=np.float32)
    gappy[:, :, :20] = sample[0]
    whole, with_gap = encoder.encode(sample[:1])[0], encoder.encode([gappy])[0]
    np.testing.assert_allclose(with_gap, whole, rtol=1e-4, atol=1e-5)


def test_strips_and_batches_do_not_matter(rng, monkeypatch):
    sample = pictures(rng, side=20)
    encoder = RandomConvolutions(n_features=16).fit(sample)
    sample[1][:, 3:5, 3:5] = np.nan
    together = encoder.encode(sample)
    apart = np.concatenate([encoder.encode([array]) for array in sample])
    np.testing.assert_allclose(apart, together, rtol=1e-4, atol=1e-5)
    monkeypatch.setitem(RandomConvolutions.encode.__globals__["_BLOCK"], "cpu", 500)
    np.testing.assert_allclose(encoder.encode(sample), together, rtol=1e-4, atol=1e-5)


def test_sizes_may_differ(rng):
    sample = [*pictures(rng, side=9), *pictures(rng, side=14)]
    encoder = RandomConvolutions(n_features=10).fit(sample)
    features = encoder.encode(sample)
    np.testing.assert_allclose(features[7:8], encoder.encode(sample[7:8]), rtol=1e-4, atol=1e-5)


def test_seed_decides(rng):
    sample = pictures(rng)
    first, same = (RandomConvolutions(n_features=10, seed=1).fit(sample) for _ in range(2))
    other = RandomConvolutions(n_features=10, seed=2).fit(sample)
    np.testing.assert_array_equal(first.encode(sample), same.encode(sample))
    assert not np.allclose(first.encode(sample), other.encode(sample))


def test_fit_leaves_the_encoder_alone_and_restore_repeats_it(rng):
    sample = pictures(rng)
    bare = RandomConvolutions(n_features=10)
    fitted = bare.fit(sample)
    assert not bare.fitted and fitted.fitted
    np.testing.assert_array_equal(bare.restore(fitted.state()).encode(sample), fitted.encode(sample))


def test_whitening_makes_patches_uncorrelated(rng):
    mix = rng.normal(size=(9, 9))
    patches = (rng.normal(size=(5000, 9)) @ mix).reshape(-1, 1, 3, 3)
    flat = patches.reshape(5000, 9) - patches.reshape(5000, 9).mean(axis=1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    covariance = flat.T @ flat / 5000
    filters = whitened_patches(patches, n=5000, zca=1e-3).reshape(5000, 9)
    np.testing.assert_allclose(filters, flat @ np.linalg.inv(covariance + 1e-3 * np.eye(9)), rtol=1e-6)


def test_sample_with_gaps_and_odd_ones_out(rng):
    sample = pictures(rng)
    sample[0][:, 4:8, 4:8] = np.nan
    encoder = RandomConvolutions(n_features=10).fit([*sample, np.zeros((1, 5, 5), dtype=np.float32)])
    assert encoder.state()["filters"].shape == (5, 3, 3, 3)
    assert np.isfinite(encoder.state()["filters"].numpy()).all()


def test_pictures_without_texture_or_data(rng):
    with pytest.raises(InputError, match="of one colour"):
        RandomConvolutions().fit([np.zeros((3, 8, 8), dtype=np.float32)])
    with pytest.raises(InputError):
        RandomConvolutions().fit([])
    encoder = RandomConvolutions(n_features=10).fit(pictures(rng))
    with pytest.raises(InputError, match="no valid pixel"):
        encoder.prepare(Picture(np.full((3, 8, 8), np.nan, dtype=np.float32), None))
    with pytest.raises(InputError, match="1 bands; the filters of rcf have 3"):
        encoder.prepare(Picture(np.zeros((1, 8, 8), dtype=np.uint8), 255.0))
    with pytest.raises(InputError, match="2 x 8 pixels"):
        encoder.prepare(Picture(np.zeros((3, 8, 2), dtype=np.uint8), 255.0))


def test_without_filters():
    with pytest.raises(InputError, match="no filters yet"):
        RandomConvolutions().encode([np.zeros((3, 8, 8), dtype=np.float32)])
    for options in ({"n_features": 7}, {"kernel": 0}):
        with pytest.raises(InputError):
            RandomConvolutions(**options)
