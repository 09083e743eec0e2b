"""Lanes keep the order, hand on what goes wrong, and leave PyTorch's threads as they were."""

from __future__ import annotations

import threading
import time

import pytest
import torch

from geolivelihood.features.lanes import in_lanes


def test_order_and_threads_of_pytorch():
    before = torch.get_num_threads()

    def work(k: int) -> tuple[int, int, str]:
        time.sleep(0.002 * (k % 3))
        return k, torch.get_num_threads(), threading.current_thread().name

    results = list(in_lanes(work, range(20), workers=3))
    assert [k for k, _, _ in results] == list(range(20))
    assert {n for _, n, _ in results} == {1}
    assert all(name.startswith("lane") for _, _, name in results)
    assert torch.get_num_threads() == before


def test_no_more_than_a_few_tasks_ahead():
    begun = []
    stream = in_lanes(begun.append, range(100), workers=2, ahead=2)
    next(stream)
    stream.close()
    assert len(begun) <= 4


def test_errors_come_through():
    def work(k: int) -> float:
        return 1 / (2 - k)

    stream = in_lanes(work, range(9), workers=2)
    assert [next(stream), next(stream)] == [0.5, 1.0]
    with pytest.raises(ZeroDivisionError):
        next(stream)
