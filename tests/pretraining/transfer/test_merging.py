import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import batched_nms

from geolivelihood.pretraining.transfer.merging import cut_boxes, distinct_boxes, own_boxes
from geolivelihood.pretraining.transfer.scanning import starts


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 60), st.integers(0, 10_000), st.sampled_from([0.3, 0.5, 0.7]))
def test_suppression_is_that_of_torchvision(count, seed, most):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 40, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(2, 15, (count, 2))], axis=1)
    scores, codes = rng.permutation(count) / max(count, 1), rng.integers(1, 3, count)
    kept = distinct_boxes(boxes, scores, codes, most_iou=most)
    expected = batched_nms(torch.from_numpy(boxes), torch.from_numpy(scores), torch.from_numpy(codes), most)
    assert kept.tolist() == expected.tolist()


def test_a_suppressed_box_suppresses_nothing():
    boxes = np.array([[0, 0, 10, 10], [3, 0, 13, 10], [6, 0, 16, 10]], dtype=float)
    kept = distinct_boxes(boxes, np.array([0.9, 0.8, 0.7]), np.ones(3, dtype=np.int64))
    assert kept.tolist() == [0, 2]


@settings(deadline=None)
@given(st.integers(40, 300), st.integers(0, 280), st.integers(1, 8), st.floats(0.25, 0.6))
def test_a_thing_no_longer_than_the_overlap_is_reported_whole(extent, at, length, overlap):
    """Some window sees it whole and reports it; what others see of it, cut by their edge, they leave."""
    size = 32
    left = min(at, extent - length)
    thing = np.array([[left, 0, left + length, 8]], dtype=float)
    whole, cut = 0, 0
    px = round(overlap * size)
    for first in starts(extent, size=size, overlap=overlap).tolist():
        seen = thing.copy()
        seen[:, [0, 2]] = np.clip(thing[:, [0, 2]], first, first + size)
        if seen[0, 2] <= seen[0, 0]:
            continue
        own = own_boxes(seen, corner=[first, 0], size=size, overlap_px=px, extent=(extent, size))
        whole += int(own[0] and (seen == thing).all())
        cut += int(own[0] and not (seen == thing).all() and seen[0, 2] - seen[0, 0] < 0.8 * px - 1)
    assert whole >= 1 and cut == 0


def test_boxes_that_the_edge_of_a_window_may_have_cut():
    boxes = np.array([[8, 2, 20, 9], [9.5, 2, 20, 9], [20, 2, 40, 9], [20, 2, 38, 9]], dtype=float)
    inside = cut_boxes(boxes, corner=[8, 0], size=32, extent=(100, 32))
    assert inside.tolist() == [True, False, True, False]
    last = cut_boxes(boxes, corner=[8, 0], size=32, extent=(40, 32))
    assert last.tolist() == [True, False, False, False]
