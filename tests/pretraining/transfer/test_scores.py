import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geolivelihood.errors import InputError
from geolivelihood.pretraining.transfer.scores import (
    Boxes,
    average_precision,
    box_iou,
    class_iou,
    confusion,
    mean_iou,
)


def boxes(*rows, scores=None, codes=None):
    count = len(rows)
    return Boxes(
        np.reshape(np.array(rows, dtype=float), (-1, 4)),
        np.ones(count, dtype=np.int64) if codes is None else np.array(codes),
        np.ones(count) if scores is None else np.array(scores),
    )


def test_iou_by_hand():
    overlap = box_iou([[0, 0, 2, 2], [0, 0, 1, 1]], [[1, 1, 3, 3], [0, 0, 2, 2], [5, 5, 6, 6]])
    np.testing.assert_allclose(overlap, [[1 / 7, 1, 0], [0, 1 / 4, 0]])
    assert box_iou(np.zeros((0, 4)), [[0, 0, 1, 1]]).shape == (0, 1)


def test_ap50_by_hand():
    """Right, wrong, right: precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1, so 51 recalls at 1 and 50 at 2/3."""
    true = boxes([0, 0, 10, 10], [20, 20, 30, 30])
    found = boxes([0, 0, 10, 9], [50, 50, 60, 60], [20, 20, 30, 30], scores=[0.9, 0.8, 0.7])
    assert average_precision([found], [true], code=1) == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_the_surest_box_of_all_pictures_chooses_first():
    """The wrong box of the second picture is surer: precision 0, 1/2, 2/3 makes 2/3 at every recall."""
    true = [boxes([0, 0, 10, 10]), boxes([0, 0, 10, 10])]
    found = [
        boxes([0, 0, 10, 10], scores=[0.8]),
        boxes([40, 40, 50, 50], [0, 0, 10, 10], scores=[0.9, 0.7]),
    ]
    assert average_precision(found, true, code=1) == pytest.approx(2 / 3)


def test_a_second_box_of_one_thing_is_wrong():
    true = boxes([0, 0, 10, 10], [20, 20, 30, 30])
    found = boxes([0, 0, 10, 10], [0, 0, 10, 10.5], [20, 20, 30, 30], scores=[0.9, 0.8, 0.7])
    assert average_precision([found], [true], code=1) == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_overlap_of_exactly_a_half_counts_and_less_does_not():
    true = [boxes([0, 0, 10, 10])]
    assert average_precision([boxes([0, 0, 10, 5])], true, code=1) == pytest.approx(1)
    assert average_precision([boxes([0, 0, 10, 4.9])], true, code=1) == 0


def test_classes_do_not_mix_and_one_without_boxes_has_no_precision():
    true = [boxes([0, 0, 10, 10], codes=[2])]
    found = [boxes([0, 0, 10, 10], codes=[1])]
    assert average_precision(found, true, code=2) == 0
    assert np.isnan(average_precision(found, true, code=1))
    assert average_precision([boxes()], true, code=2) == 0
    with pytest.raises(InputError, match="found in 1 pictures and true ones in 2"):
        average_precision(found, true * 2, code=2)


def test_confusion_and_iou_by_hand():
    counts = confusion([[0, 0, 1, 255], [1, 0, 1, 0]], [[0, 1, 1, 1], [0, 0, 1, 0]], classes=2)
    assert counts.tolist() == [[3, 1], [1, 2]]
    np.testing.assert_allclose(class_iou(counts), [3 / 5, 2 / 4])
    assert mean_iou(counts) == pytest.approx(0.55)
    assert confusion([0, 1], [255, 255], classes=2).sum() == 0


def test_a_class_that_is_nowhere_is_left_out_of_the_mean():
    counts = np.array([[6, 0, 0], [2, 2, 0], [0, 0, 0]])
    assert np.isnan(class_iou(counts)[2])
    assert mean_iou(counts) == pytest.approx((6 / 8 + 2 / 4) / 2)
    assert np.isnan(mean_iou(np.zeros((2, 2))))


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=8, unique=True), st.integers(0, 6))
def test_wrong_boxes_that_are_less_sure_change_nothing(scores, wrong):
    """And all right is 1, whatever the scores are."""
    rows = [[20 * k, 0, 20 * k + 10, 10] for k in range(len(scores))]
    stray = [[20 * k, 90, 20 * k + 10, 99] for k in range(wrong)]
    found = boxes(*rows, *stray, scores=[*scores, *[0.001] * wrong])
    assert average_precision([found], [boxes(*rows)], code=1) == pytest.approx(1)
