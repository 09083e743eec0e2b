"""Concept scores of cells and clusters: vectors of the specification."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood.cells import Tie, lonlat_cells
from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.explanation.concepts import concept_cells, concept_clusters

SCORES = pd.DataFrame({"water": [0.4, -0.1, 0.7, 0.2]}, index=pd.Index(list("abcd"), name="image_id"))
WEIGHTS = [1, 0.5, 0.25, 1]
CELL = lonlat_cells([32.58], [0.34], resolution=8)


def tie(rows="abcd", weights=WEIGHTS, cells=None):
    positions = np.arange(len(rows))
    return Tie.from_arrays(positions, np.repeat(CELL, len(rows)) if cells is None else cells, weights,
                           row_ids=list(rows))  # fmt: skip


def test_a_cell_over_its_photos():
    (row,) = concept_cells(SCORES, tie()).itertuples()
    assert row.name == "water" and row.cell == CELL[0] and row.n == 4
    assert row.value == pytest.approx(0.263636364) and row.n_eff == pytest.approx(3.270270270)
    assert row.lower == pytest.approx(0.1) and row.upper == pytest.approx(0.423076923)  # all 256 resamples


def test_a_sequence_is_resampled_whole():
    sequences = pd.Series({"a": "s", "b": "s", "c": None, "d": "t"})
    frame = concept_cells(SCORES, tie(), sequences=sequences)
    assert frame["lower"].item() == pytest.approx(0.214285714)
    assert frame["upper"].item() == pytest.approx(0.366666667)


def test_one_sequence_has_no_interval():
    frame = concept_cells(SCORES, tie(), sequences=pd.Series("s", index=list("abcd")))
    assert frame[["lower", "upper"]].isna().all(axis=None) and frame["value"].notna().all()


def test_pictures_are_joined_by_name_and_unknown_scores_left_out():
    scores = SCORES.assign(city=[np.nan, 1, 2, np.nan])
    frame = concept_cells(scores, tie("dcbax", [1, 0.25, 0.5, 1, 9])).set_index("name")
    assert frame.loc["water", "value"] == pytest.approx(0.263636364)
    assert frame.loc["city", "value"] == pytest.approx(1 / 0.75) and frame.loc["city", "n"] == 2


def test_the_test_of_a_concept_goes_with_its_cells():
    table = pd.DataFrame(
        {"concept": ["water"], "target": "wealth", "q": 0.4, "significant": False, "balanced_accuracy": 0.8}
    )
    frame = concept_cells(SCORES, tie(), table=table)
    assert list(frame) == ["cell", "name", "value", "lower", "upper", "n", "n_eff", "target", "q",
                           "significant", "cav_accuracy", "geometry"]  # fmt: skip
    assert frame["cav_accuracy"].item() == 0.8 and not frame["significant"].item()
    assert frame.crs == "EPSG:4326" and frame.geometry.is_valid.all()
    with pytest.raises(MissingColumnError, match="no column q"):
        concept_cells(SCORES, tie(), table=table.drop(columns="q"))


def test_clusters():
    clusters = pd.Series(["k2", "k1", "k1", "k1", "k1"], index=list("aabcd"))
    frame = concept_clusters(SCORES, clusters, weights=pd.Series([1, *WEIGHTS]))
    assert frame["cluster_id"].tolist() == ["k1", "k2"] and frame["n"].tolist() == [4, 1]
    assert frame["value"].tolist() == pytest.approx([0.263636364, 0.4])
    assert frame["upper"].iloc[0] == pytest.approx(0.423076923) and np.isnan(frame["upper"].iloc[1])


def test_many_photos_are_sampled_with_a_seed(rng):
    ids = [f"p{k}" for k in range(60)]
    scores = pd.DataFrame({"c": rng.normal(size=60)}, index=ids)
    cells = np.repeat(lonlat_cells([10, 20], [0, 0], resolution=5), 30)
    frames = [concept_cells(scores, tie(ids, np.ones(60), cells), random_state=seed) for seed in (0, 0, 1)]
    assert frames[0].equals(frames[1]) and not frames[0].equals(frames[2])
    width = (frames[0]["upper"] - frames[0]["lower"]).to_numpy()
    assert np.allclose(width, 2 * 1.645 / np.sqrt(30), rtol=0.35)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.01, 3), st.integers(0, 4)), min_size=1, max_size=12))
def test_a_mean_lies_within_its_scores_and_its_interval_too(rows):
    score, weight, sequence = np.transpose(rows)
    ids = [str(k) for k in range(len(rows))]
    frame = concept_cells(
        pd.DataFrame({"c": score}, index=ids), tie(ids, weight), sequences=pd.Series(sequence, index=ids),
        n_resamples=50,
    )  # fmt: skip
    row = frame.iloc[0]
    ends = [row["value"]] if np.isnan(row["lower"]) else [row["value"], row["lower"], row["upper"]]
    assert score.min() - 1e-9 <= min(ends) and max(ends) <= score.max() + 1e-9
    assert 1 - 1e-9 <= row["n_eff"] <= len(rows) + 1e-9


def test_bad_input():
    with pytest.raises(InputError, match="Both must use the same image_id"):
        concept_cells(SCORES, tie("wxyz"))
    with pytest.raises(InputError, match="between 0 and 1"):
        concept_cells(SCORES, tie(), coverage=90)
    with pytest.raises(InputError, match="same image_id"):
        concept_clusters(SCORES, pd.Series(["k"], index=["z"]))
    with pytest.raises(InputError, match="2 weights for 1"):
        concept_clusters(SCORES, pd.Series(["k"], index=["a"]), weights=pd.Series([1, 2]))
