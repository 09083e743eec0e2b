import numpy as np
import pandas as pd
import pytest

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.tables import surveys
from geolivelihood.tables.surveys import (
    cluster_means,
    noise_ceiling,
    pooled_weights,
    proportion_interval,
    region_means,
)

VECTOR = pd.DataFrame(
    {
        "cluster": "a",
        "household": [1, 1, 2, 2, 2, 3],
        "w": [1.2, 1.2, 0.8, 0.8, 0.8, 1.0],
        "y": [1.0, 0, 1, 1, 0, 1],
    }
)
REGIONS = pd.DataFrame(
    {
        "stratum": [1, 1, 1, 2, 2, 2],
        "w": [30.0, 20, 25, 40, 35, 45],
        "y": [0.2, 0.4, 0.3, 0.6, 0.5, 0.9],
        "region": ["A", "A", "B", "A", "A", "B"],
    }
)
KEYS = {"value": "y", "cluster": "cluster", "household": "household", "weight": "w"}
DESIGN = {"value": "y", "weight": "w", "stratum": "stratum"}


def test_vector_of_one_cluster():
    zero = np.zeros(6, dtype=int)
    found = surveys.moments(
        zero, VECTOR["household"].to_numpy(), VECTOR["w"].to_numpy(), VECTOR["y"].to_numpy(), n_clusters=1
    )
    np.testing.assert_allclose(found.mean, 0.655172, atol=1e-6)
    np.testing.assert_allclose(found.design_se, 0.107332, atol=1e-6)
    np.testing.assert_allclose(found.n_eff, 2.686901, atol=1e-6)
    z = [-0.372414, 0.027586, 0.344828]
    np.testing.assert_allclose(found.design_se**2, 3 / 2 * np.square(z).sum() / 5.8**2, atol=1e-6)


def test_published_value_stays_and_the_larger_error_is_taken():
    row = cluster_means(VECTOR, **KEYS).loc["a"]
    assert row["y"] == pytest.approx(0.655172, abs=1e-6)
    assert row["households"] == 3
    assert row["weight"] == pytest.approx(5.8)
    assert row["y_se"] == pytest.approx(surveys.smoothed_proportion_se(row["y"], row["n_eff"]))
    assert row["y_se"] > 0.107332


def test_vector_of_extreme_proportions():
    se = surveys.smoothed_proportion_se([1, 0], [12, 25])
    np.testing.assert_allclose(se, [0.051396, 0.026430], atol=1e-6)
    lower, upper = proportion_interval([1, 0], [12, 25])
    assert 0 < lower[0] < upper[0] <= 1
    assert 0 <= lower[1] < upper[1] < 1


def test_vector_of_pooled_variance():
    s2, size = np.array([0.25, 0.10, 0]), np.array([10, 5, 2])
    pooled = surveys.pooled_variance(s2, size, np.zeros(3, dtype=int))
    np.testing.assert_allclose(pooled, 0.189286, atol=1e-6)
    shrunken = surveys.shrunken_variance(s2, size, pooled)
    np.testing.assert_allclose(shrunken, [0.218045, 0.163776, 0.172078], atol=1e-6)


def households(rng, n_clusters=6, size=8):
    n = n_clusters * size
    return pd.DataFrame(
        {
            "cluster": np.repeat(np.arange(n_clusters), size),
            "household": np.tile(np.arange(size), n_clusters),
            "w": np.repeat(rng.uniform(0.5, 2, n_clusters), size),
            "y": rng.normal(size=n),
            "urban": np.repeat(np.arange(n_clusters) % 2 == 0, size),
        }
    )


def test_continuous_errors_are_shrunken_within_the_class(rng):
    frame = households(rng)
    frame.loc[frame["urban"], "y"] *= 5
    means = cluster_means(frame, **KEYS, urban="urban")
    s2 = frame.groupby("cluster")["y"].var()
    pooled = s2.groupby(np.arange(6) % 2 == 0).transform("mean")
    np.testing.assert_allclose(means["y_se"], np.sqrt((7 * s2 + 10 * pooled) / 17 / 8))
    np.testing.assert_allclose(means["y"], frame.groupby("cluster")["y"].mean())


def test_one_household_never_has_a_zero_error(rng):
    frame = households(rng)
    lone = frame[(frame["cluster"] > 0) | (frame["household"] == 0)]
    se = cluster_means(lone, **KEYS)["y_se"]
    assert (se > 0).all()
    ones = lone.assign(y=1.0)
    assert (cluster_means(ones, **KEYS)["y_se"] > 0).all()


def test_an_error_that_cannot_be_known_is_nan_and_said(rng):
    frame = households(rng).assign(y=3.5)
    with pytest.warns(UserWarning, match="cannot be known"):
        se = cluster_means(frame, **KEYS)["y_se"]
    assert se.isna().all()


def test_unusable_rows_are_dropped_and_counted(rng):
    frame = households(rng)
    frame.loc[0, "y"] = np.nan
    frame.loc[1, "w"] = 0
    frame.loc[frame["cluster"] == 5, "y"] = np.nan
    means = cluster_means(frame, **KEYS)
    assert means["dropped"].tolist() == [2, 0, 0, 0, 0, 8]
    assert means["households"].tolist() == [6, 8, 8, 8, 8, 0]
    assert np.isnan(means.loc[5, "y"])
    assert means.loc[0, "y"] == pytest.approx(frame.loc[2:7, "y"].mean())


def test_members_of_a_household_are_one_unit(rng):
    frame = households(rng)
    doubled = pd.concat([frame.assign(w=frame["w"] / 2)] * 2)
    pd.testing.assert_frame_equal(
        cluster_means(frame, **KEYS).drop(columns="dropped"),
        cluster_means(doubled, **KEYS).drop(columns="dropped"),
    )


def test_bad_survey_input(rng):
    frame = households(rng)
    with pytest.raises(MissingColumnError, match="no column 'z'"):
        cluster_means(frame, **(KEYS | {"value": "z"}))
    with pytest.raises(InputError, match="Every row needs both"):
        cluster_means(frame.assign(household=np.nan), **KEYS)
    with pytest.raises(InputError, match="Give 0 and 1"):
        cluster_means(frame, **KEYS, proportion=True)


def test_vector_of_a_region():
    row = region_means(REGIONS, **DESIGN, proportion=True).loc["all"]
    assert row["y"] == pytest.approx(0.530769, abs=1e-6)
    assert row["y_se"] == pytest.approx(0.088833, abs=1e-6)
    assert row["y_lower"] == pytest.approx(0.295863, abs=1e-6)
    assert row["y_upper"] == pytest.approx(0.752789, abs=1e-6)
    assert row["df"] == 4


def test_vector_of_a_domain():
    row = region_means(REGIONS, **DESIGN, region="region", proportion=True).loc["A"]
    assert row["y"] == pytest.approx(0.444)
    assert row["y_se"] == pytest.approx(0.070864, abs=1e-6)
    deleted = region_means(REGIONS[REGIONS["region"] == "A"], **DESIGN, proportion=True).loc["all"]
    assert deleted["y_se"] == pytest.approx(0.061860, abs=1e-6)


def test_a_lonely_unit_is_centred_on_zero():
    frame = pd.concat([REGIONS, pd.DataFrame({"stratum": [3], "w": [10.0], "y": [0.1], "region": ["B"]})])
    row = region_means(frame, **DESIGN).loc["all"]
    mean = np.average(frame["y"], weights=frame["w"])
    z = (frame["w"] * (frame["y"] - mean)).to_numpy()
    parts = [3 / 2 * ((z[i] - z[i].mean()) ** 2).sum() for i in (slice(0, 3), slice(3, 6))]
    assert row["y_se"] == pytest.approx(np.sqrt(sum(parts) + z[6] ** 2) / frame["w"].sum())


def test_sampling_units_of_several_clusters():
    split = pd.concat([REGIONS, REGIONS]).assign(w=lambda f: f["w"] / 2, psu=[*range(6)] * 2)
    whole = region_means(REGIONS, **DESIGN)
    pd.testing.assert_frame_equal(region_means(split, **DESIGN, psu="psu"), whole)


def test_a_region_of_zeros_is_smoothed_or_owned_up_to():
    frame = REGIONS.assign(y=[0.2, 0.4, 0, 0.6, 0.5, 0])
    with pytest.warns(UserWarning, match="smoothed"):
        row = region_means(frame, **DESIGN, region="region", proportion=True).loc["B"]
    assert row["y"] == 0
    assert 0 <= row["y_lower"] < row["y_se"] < row["y_upper"] < 1
    with pytest.warns(UserWarning, match="cannot be known"):
        assert np.isnan(region_means(frame, **DESIGN, region="region").loc["B", "y_se"])


def test_a_cluster_without_a_value_stays_a_unit():
    frame = REGIONS.assign(y=REGIONS["y"].mask(REGIONS["region"] == "B"))
    row = region_means(frame, **DESIGN).loc["all"]
    assert row["y_se"] == pytest.approx(0.070864, abs=1e-6)


def test_noise_ceiling_and_pooled_weights():
    assert noise_ceiling([1, 2, 3, np.nan], [0.5, 0.5, 0.5, 1]) == pytest.approx(1 - 0.25 / (2 / 3))
    assert np.isnan(noise_ceiling([2, 2, np.nan], [0.1, 0.2, 1])) and np.isnan(noise_ceiling([np.nan], [1]))
    weight, country = pd.Series([1.0, 3, 5]), pd.Series(["KE", "KE", "IA"])
    pooled = pooled_weights(weight, country=country, population={"KE": 40, "IA": 1000})
    assert pooled.tolist() == [10, 30, 1000]
    with pytest.raises(InputError, match="IA"):
        pooled_weights(weight, country=country, population={"KE": 40})
