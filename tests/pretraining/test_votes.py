"""Votes of several dates, pinned by the spec."""

import numpy as np
import pytest
from scipy.special import softmax

from geolivelihood.errors import InputError
from geolivelihood.pretraining.votes import calibration_temperature, temporal_scores, temporal_vote

LOGITS = [[2, 1.9, 0], [1.8, 1.7, 0], [0, 3, 0.5]]


def test_vector_of_the_spec():
    votes = temporal_vote(LOGITS, ["p", "p", "p"])
    assert np.argmax(LOGITS, axis=1).tolist() == [0, 0, 1]  # a majority says 0
    assert votes.total[0] == pytest.approx([1.017201042, 1.764093025, 0.218705932], abs=1e-9)
    assert votes.winner.tolist() == [1] and votes.images.tolist() == [3]
    p = softmax(LOGITS, axis=1)[:, 1]
    assert votes.standard_error[0] == pytest.approx(p.std(ddof=1) / np.sqrt(3))
    assert votes.share[0] == pytest.approx(votes.total[0] / 3)


def test_places_in_any_order_and_alone():
    votes = temporal_vote([LOGITS[2], *LOGITS[:2], [5, 0, 0]], ["b", "b", "b", "a"])
    assert votes.place.tolist() == ["a", "b"] and votes.winner.tolist() == [0, 1]
    assert np.isnan(votes.standard_error[0]) and votes.images.tolist() == [1, 3]


def test_mean_log_probability_is_the_geometric_mean():
    votes = temporal_vote(LOGITS, [1, 1, 1], method="log")
    geometric = np.exp(np.log(softmax(LOGITS, axis=1)).mean(axis=0))
    assert votes.share[0] == pytest.approx(geometric / geometric.sum())


def test_temperature_undoes_what_logits_were_multiplied_by(rng):
    logits = rng.normal(size=(4000, 3)) * 2
    y = np.array([rng.choice(3, p=p) for p in softmax(logits, axis=1)])
    assert calibration_temperature(logits, y) == pytest.approx(1, abs=0.1)
    names = np.array(["z", "x", "y"])
    found = calibration_temperature(logits * 4, names[y], classes=names)
    assert found == pytest.approx(4, rel=0.1)
    votes = temporal_vote(logits * 4, np.arange(4000) // 2, temperature=4.0)
    assert votes.share == pytest.approx(temporal_vote(logits, np.arange(4000) // 2).share)


def test_temporal_beside_single(rng):
    place = np.repeat(np.arange(40), 5)
    y = (place % 3)[:, None] == np.arange(3)
    logits = 1.2 * y + rng.normal(size=(200, 3))
    table = temporal_scores(logits, np.array(["a", "b", "c"])[place % 3], place, classes=["a", "b", "c"])
    assert list(table.index) == ["temporal", "single"] and table["n"].tolist() == [40, 200]
    assert table.loc["temporal", "f1"] > table.loc["single", "f1"] + 0.1
    assert {"accuracy", "precision", "recall", "f1"} <= set(table.columns)


@pytest.mark.parametrize(
    ("logits", "place", "options", "said"),
    [
        (LOGITS, ["p"], {}, "give"),
        (np.zeros((0, 3)), [], {}, "at least one row"),
        ([[np.nan, 1]], ["p"], {}, "not finite"),
        (LOGITS, ["p", None, "p"], {}, "no place"),
        (LOGITS, list("ppp"), {"method": "majority"}, "'majority'"),
        (LOGITS, list("ppp"), {"temperature": 0}, "temperature=0"),
    ],
)
def test_bad_input(logits, place, options, said):
    with pytest.raises(InputError, match=said):
        temporal_vote(logits, place, **options)


def test_labels_that_do_not_fit():
    with pytest.raises(InputError, match="several classes, such as 'p'"):
        temporal_scores(LOGITS, [0, 0, 1], list("ppp"))
    with pytest.raises(InputError, match="a label for each row"):
        temporal_scores(LOGITS, [0, np.nan, 0], list("ppp"))
    with pytest.raises(InputError, match="no class of the logits, such as 7"):
        calibration_temperature(LOGITS, [0, 7, 1])
