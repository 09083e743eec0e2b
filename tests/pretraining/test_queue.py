"""The queue: what is written where, what is remembered of each key, and which keys are no negatives."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from geolivelihood.errors import InputError
from geolivelihood.pretraining.contrast import contrast_logits, info_nce
from geolivelihood.pretraining.queue import (
    KeyQueue,
    Origin,
    check_queue_size,
    fitted_queue_size,
    place_codes,
)

KEYS = [[0.5, -0.1, 0.4, 0.7], [0.2, 0.6, -0.3, -0.5]]
# two dates of one place; 15 m from it; another place across the antimeridian; no coordinates
PLACES = ["a", "a", "b", "c", None]
LONLAT = [[179.9999, 0], [179.9999, 0], [179.99995, 0.0001], [-179.9999, 0], [np.nan, np.nan]]


def origin(rows=slice(None), resolution=9):
    return Origin.of(5, places=PLACES, lonlat=LONLAT, resolution=resolution).at(torch.arange(5)[rows])


def keys(n, dim=3):
    return functional.normalize(torch.randn(n, dim), dim=1)


def test_the_queue_after_a_step_of_the_specification():
    queue = KeyQueue(4, 4).double()
    before = queue.keys.clone()
    new = functional.normalize(torch.tensor(KEYS, dtype=torch.float64), dim=1)
    queue.enqueue(new, Origin.of(2))
    assert queue.keys[:2].equal(new) and queue.keys[2:].equal(before[2:])
    assert queue.pointer.tolist() == [2]


def test_first_in_first_out_with_origins():
    queue = KeyQueue(4, 3)
    batches = [keys(2) for _ in range(3)]
    for k, batch in enumerate(batches):
        queue.enqueue(batch, Origin.of(2, places=["x", "y"])._replace(place=torch.tensor([2 * k, 2 * k + 1])))
    assert queue.keys.equal(torch.cat([batches[2], batches[1]]))
    assert queue.place.tolist() == [4, 5, 2, 3] and int(queue.pointer) == 2


def test_it_starts_as_unit_vectors_that_match_nobody():
    queue = KeyQueue(64, 16, seed=3)
    assert torch.allclose(queue.keys.norm(dim=1), torch.ones(64))
    assert queue.keys.equal(KeyQueue(64, 16, seed=3).keys)
    assert not queue.keys.equal(KeyQueue(64, 16, seed=4).keys)
    for within in ("place", "cell", 1e9):
        assert not queue.excluded(origin(), within=within).any()


@pytest.mark.parametrize(
    ("within", "expected"),
    [
        (None, None),
        ("place", [[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 0]]),
        (20.0, [[1, 1, 1, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 0]]),
        (25.0, [[1, 1, 1, 1, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 0], [0, 0, 0, 0, 0]]),
    ],
)
def test_keys_of_the_same_ground_are_no_negatives(within, expected):
    queue = KeyQueue(5, 3)
    queue.enqueue(keys(5), origin())
    found = queue.excluded(origin(), within=within)
    assert found is None if expected is None else found.int().tolist() == expected


def test_keys_of_the_same_cell_are_no_negatives():
    queue = KeyQueue(5, 3)
    queue.enqueue(keys(5), origin(resolution=5))
    assert queue.excluded(origin(resolution=5), within="cell")[0].tolist() == [True] * 4 + [False]


def test_checkpoints_hold_keys_origins_and_pointer():
    queue, other = KeyQueue(6, 3), KeyQueue(6, 3, seed=1)
    queue.enqueue(keys(2), origin(slice(2)))
    other.load_state_dict(queue.state_dict())
    fresh = keys(2)
    for each in (queue, other):
        each.enqueue(fresh, origin(slice(2, 4)))
    for name, value in queue.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[name], equal_nan=True, rtol=0, atol=0)
    assert int(other.pointer) == 4


def test_enqueued_after_backward_the_gradient_is_that_of_the_queue_before():
    torch.manual_seed(0)
    queue, query = KeyQueue(4, 3), keys(2).requires_grad_()
    copy = queue.keys.clone()
    fresh = keys(2)
    loss = info_nce(contrast_logits(query, fresh, queue.keys, temperature=0.2)).mean()
    loss.backward()
    queue.enqueue(fresh, Origin.of(2))
    again = query.detach().clone().requires_grad_()
    info_nce(contrast_logits(again, fresh, copy, temperature=0.2)).mean().backward()
    assert query.grad.equal(again.grad) and not queue.keys.equal(copy)


def test_a_queue_that_the_batch_does_not_fill_evenly():
    with pytest.raises(InputError, match=r"queue_size=10 is no multiple of the 4 keys.*Choose 8 or 12"):
        check_queue_size(10, 4)
    with pytest.raises(InputError, match="Choose 4"):
        check_queue_size(3, 4)
    queue = KeyQueue(5, 3)
    before = queue.keys.clone()
    with pytest.raises(InputError, match="no multiple"):
        queue.enqueue(keys(2), origin(slice(2)))
    assert queue.keys.equal(before)


def test_a_queue_larger_than_the_data_is_reduced_or_said():
    assert fitted_queue_size(64, batch=32, places=96) == 64
    with pytest.warns(UserWarning, match=r"reduced to 64: there are 100 places and 32 keys"):
        assert fitted_queue_size(4096, batch=32, places=100) == 64
    with pytest.warns(UserWarning, match="as published; 64 would not"):
        assert fitted_queue_size(4096, batch=32, places=100, paper=True) == 4096
    with pytest.warns(UserWarning, match="reduced to 32"):
        assert fitted_queue_size(64, batch=32, places=33) == 32
    with pytest.raises(InputError, match="come from 1 place: nothing can be told apart"):
        fitted_queue_size(64, batch=32, places=1)


def test_names_of_places():
    assert place_codes(["b", "a", None, "b", np.nan]).tolist() == [0, 1, -1, 0, -1]
    with pytest.raises(InputError, match=r"places has shape \(2,\).*needs \(3,\)"):
        Origin.of(3, places=["a", "b"])
    with pytest.raises(InputError, match="lonlat has shape"):
        Origin.of(3, lonlat=[[0, 0]])
    with pytest.raises(InputError, match="swapped"):
        Origin.of(1, lonlat=[[10, 100]])
