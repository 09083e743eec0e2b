"""Losses and logits against the vectors of the specification, in float64."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from geolivelihood.errors import InputError
from geolivelihood.pretraining.contrast import (
    alpha_at,
    contrast_logits,
    info_nce,
    ml_cpc,
    rank_accuracy,
    top_n,
)

QUERIES = [[0.6, -0.2, 0.3, 0.9], [-0.4, 0.5, 0.1, -0.7]]
KEYS = [[0.5, -0.1, 0.4, 0.7], [0.2, 0.6, -0.3, -0.5]]
QUEUE = [[1, 0, 0, 1], [0, 1, 1, 0], [-1, 0.5, 0, 0.2], [0.3, -0.3, 0.9, -0.1]]


def raw(values, requires_grad=False):
    return torch.tensor(values, dtype=torch.float64, requires_grad=requires_grad)


def unit(values):
    return functional.normalize(values if isinstance(values, torch.Tensor) else raw(values), dim=1)


def spec_logits(queries=QUERIES, *, temperature=0.2, excluded=None):
    return contrast_logits(unit(queries), unit(KEYS), unit(QUEUE), temperature=temperature, excluded=excluded)


@pytest.mark.parametrize(
    ("temperature", "loss", "norm"),
    [
        (0.2, 0.582056680, 1.380187469),
        (0.07, 0.246222153, 1.315985670),
        (0.02, 0.033365290, 0.660041005),
    ],
)
def test_losses_and_gradients_at_three_temperatures(temperature, loss, norm):
    queries = raw(QUERIES, requires_grad=True)
    found = info_nce(spec_logits(queries, temperature=temperature)).mean()
    found.backward()
    assert found.item() == pytest.approx(loss, abs=1e-9)
    assert queries.grad.norm().item() == pytest.approx(norm, abs=1e-9)


def test_logits_rows_and_gradient_at_02():
    queries = raw(QUERIES, requires_grad=True)
    logits = spec_logits(queries)
    together = torch.cat([logits.positive[:, None], logits.negative], dim=1)
    expected = [
        [4.918825431, 4.651302547, 0.310086837, -2.007736973, 1.841821841],
        [3.290237199, -4.076871242, 2.223747950, 2.353556503, -0.576556660],
    ]
    torch.testing.assert_close(together.detach(), raw(expected), atol=1e-9, rtol=0)
    rows = info_nce(logits)
    torch.testing.assert_close(rows.detach(), raw([0.600108078, 0.564005281]), atol=1e-9, rtol=0)
    rows.mean().backward()
    row = raw([0.198661325, 0.079223369, -0.331201794, -0.004435092])
    torch.testing.assert_close(queries.grad[0], row, atol=1e-9, rtol=0)


def test_accuracies():
    logits = spec_logits()
    assert rank_accuracy(logits) == 1 and rank_accuracy(logits, first=5) == 1
    assert top_n(logits) == 0.5
    every = torch.cat([logits.positive[:, None], logits.negative], dim=1).reshape(-1)
    assert every.argsort(descending=True)[1] == 1  # row 0, first of the queue


def test_metrics_of_a_transposed_queue_need_no_contiguous_memory():
    logits = spec_logits()
    strided = logits._replace(negative=logits.negative.T.contiguous().T)
    assert not strided.negative.is_contiguous()
    assert top_n(strided) == 0.5 and rank_accuracy(strided) == 1


def test_a_query_ranked_second_counts_for_five_but_not_for_one():
    logits = contrast_logits(unit([[1, 0.2]]), unit([[0, 1]]), unit([[1, 0], [0, -1]]), temperature=1)
    assert rank_accuracy(logits) == 0 and rank_accuracy(logits, first=2) == 1 and top_n(logits) == 0


def test_an_excluded_negative_is_no_negative():
    excluded = torch.tensor([[True, False, False, False], [False] * 4])
    assert info_nce(spec_logits(excluded=excluded)).mean().item() == pytest.approx(0.309740298, abs=1e-9)


def test_a_query_without_negatives_has_no_loss_and_no_gradient():
    queries = raw(QUERIES, requires_grad=True)
    excluded = torch.tensor([[True] * 4, [False] * 4])
    losses = info_nce(spec_logits(queries, excluded=excluded))
    losses.mean().backward()
    assert losses[0] == 0 and losses[1].item() == pytest.approx(0.564005281, abs=1e-9)
    assert queries.grad[0].eq(0).all() and queries.grad[1].isfinite().all() and queries.grad[1].ne(0).any()


@pytest.mark.parametrize(("alpha", "loss"), [(1, 0.894577131), (2, 0.283020297), (0.5, 2.678585849)])
def test_ml_cpc(alpha, loss):
    assert ml_cpc(spec_logits(), alpha=alpha).item() == pytest.approx(loss, abs=1e-9)


def test_alpha_falls_geometrically():
    values = [alpha_at(epoch, epochs=100, alpha=1.0, lowest=0.01) for epoch in (0, 50, 100)]
    assert values == pytest.approx([1, 0.1, 0.01])


@given(seed=st.integers(0, 10_000), temperature=st.sampled_from([0.02, 0.1, 1.0]))
@settings(max_examples=25, deadline=None)
def test_the_loss_is_the_cross_entropy_of_concatenated_logits(seed, temperature):
    torch.manual_seed(seed)
    query = torch.randn(5, 6, dtype=torch.float64, requires_grad=True)
    key, queue = unit(torch.randn(5, 6).double()), unit(torch.randn(9, 6).double())
    logits = contrast_logits(unit(query), key, queue, temperature=temperature)
    (ours,) = torch.autograd.grad(info_nce(logits).mean(), query)
    literal = torch.cat([(unit(query) * key).sum(1, keepdim=True), unit(query) @ queue.T], dim=1)
    loss = functional.cross_entropy(literal / temperature, torch.zeros(5, dtype=torch.long))
    (theirs,) = torch.autograd.grad(loss, query)
    assert info_nce(logits).mean().item() == pytest.approx(loss.item(), abs=1e-12)
    torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=1e-8)


def test_logits_are_single_precision_inside_autocast():
    halves = [functional.normalize(torch.randn(4, 8), dim=1) for _ in range(3)]
    with torch.autocast("cpu", torch.bfloat16):
        logits = contrast_logits(*(h.bfloat16() for h in halves), temperature=0.02)
        loss = info_nce(logits)
    exact = contrast_logits(*(h.bfloat16().float() for h in halves), temperature=0.02)
    assert logits.negative.dtype == loss.dtype == torch.float32
    torch.testing.assert_close(logits.negative, exact.negative, atol=1e-5, rtol=0)


def test_nan_in_the_features_stays_visible():
    queries = raw(QUERIES)
    queries[0, 0] = math.nan
    assert info_nce(spec_logits(queries)).isnan().tolist() == [True, False]


def test_options_that_make_no_sense():
    with pytest.raises(InputError, match="temperature=0: it must be above 0"):
        spec_logits(temperature=0)
    with pytest.raises(InputError, match="alpha=5: it must lie above 0 and below the 5 keys"):
        ml_cpc(spec_logits(), alpha=5)
