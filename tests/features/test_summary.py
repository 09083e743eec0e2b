"""Band summaries against NumPy and SciPy, one picture at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from geolivelihood.errors import InputError
from geolivelihood.features import BandSummary, Picture, band_summary

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def reference(values):
    valid = values[~np.isnan(values)].astype(np.float64)
    skewness = 0.0 if np.ptp(valid) == 0 else stats.skew(valid)
    return [valid.mean(), valid.std(), skewness, valid.min(), *np.quantile(valid, QUANTILES), valid.max()]


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.float32, (2, 2, 12), elements=st.integers(-50, 50).map(float)),
    hnp.arrays(np.bool_, (2, 2, 12)),
)
def test_against_numpy(pixels, gaps):
    gaps[..., 0] = False
    pixels = np.where(gaps, np.nan, pixels).astype(np.float32)
    found = band_summary(pixels, quantiles=QUANTILES).reshape(2, 2, -1)
    expected = [[reference(band) for band in picture] for picture in pixels]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_correlations(rng):
    a = rng.normal(size=50)
    pixels = np.stack([a, -2 * a + 1, rng.normal(size=50), np.ones(50)])[None]
    found = band_summary(pixels, quantiles=(), correlations=True)[0, -6:]
    expected = np.corrcoef(pixels[0, :3])
    np.testing.assert_allclose(found, [-1, expected[0, 2], 0, expected[1, 2], 0, 0], atol=1e-9)


def test_names_follow_the_features(rng):
    picture = rng.integers(0, 256, (2, 5, 5), dtype=np.uint8)
    encoder = BandSummary(quantiles=(0.5,), correlations=True).fit([picture])
    features = dict(zip(encoder.feature_names, encoder.encode([picture])[0]))
    assert encoder.dim == 13
    assert features["band2_mean"] == pytest.approx(picture[1].mean())
    assert features["band1_max"] == picture[0].max()
    assert features["band1_q0.5"] == np.median(picture[0])
    assert features["correlation_1_2"] == pytest.approx(np.corrcoef(picture.reshape(2, -1))[0, 1], abs=1e-6)


def test_sizes_may_differ_and_order_stays(rng):
    pictures = [rng.random((2, side, 4), dtype=np.float32) for side in (5, 3, 5)]
    encoder = BandSummary().fit(pictures)
    together = encoder.encode(pictures)
    np.testing.assert_array_equal(together, np.concatenate([encoder.encode([p]) for p in pictures]))


def test_pictures_that_do_not_fit():
    encoder = BandSummary().fit([np.zeros((2, 3, 3))] * 2 + [np.zeros((1, 3, 3))])
    with pytest.raises(InputError, match="1 bands; the others have 2"):
        encoder.prepare(Picture(np.zeros((1, 3, 3), dtype=np.uint8), 255.0))
    pixels = np.zeros((2, 3, 3), dtype=np.float32)
    pixels[1] = np.nan
    with pytest.raises(InputError, match="no valid pixel in band 2"):
        encoder.prepare(Picture(pixels, None))
    with pytest.raises(InputError):
        BandSummary(quantiles=(5,))
    with pytest.raises(InputError):
        BandSummary().fit([])
