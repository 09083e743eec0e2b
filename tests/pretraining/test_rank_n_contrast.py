import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood.errors import InputError
from geolivelihood.pretraining.rank_n_contrast import gather_ranks, label_distances, rank_n_contrast_loss

VIEWS = [[0, 1, 2], [1.5, 0.5, 0], [3, 2, 1], [0.2, 1.1, 1.8], [1, 0.8, 0.3], [2.5, 2.2, 1.4]]
A, B = [10, 12, 12] * 2, [10, 12, 15] * 2
LINE = [[0], [300], [650], [1000]]


def loss_and_gradient(features, labels, *, dtype=torch.float64, **options):
    rows = torch.tensor(features, dtype=dtype).requires_grad_()
    loss = rank_n_contrast_loss(rows, torch.as_tensor(labels), **options)
    loss.backward()
    return loss.detach(), rows.grad


def literal_loss(features, labels, temperature=2.0, tolerance=0.0):
    """The formula, a sum over rows and columns; the root is shifted on the diagonal, which is not read."""
    n = len(features)
    d = label_distances(labels)
    s = -((features[:, None] - features[None]).square().sum(-1) + torch.eye(n)).sqrt() / temperature
    terms = [
        torch.logsumexp(s[i, [k for k in range(n) if k != i and d[i, k] >= d[i, j] - tolerance]], 0) - s[i, j]
        for i in range(n)
        for j in range(n)
        if i != j
    ]
    return torch.stack(terms).mean()


@pytest.mark.parametrize(
    ("features", "labels", "temperature", "loss", "norm"),
    [
        pytest.param(VIEWS, A, 2, 1.237933293, 0.094356828, id="ties"),
        pytest.param(VIEWS, A, 1, 1.283211362, 0.223922594, id="temperature 1"),
        pytest.param(VIEWS, B, 2, 0.972081741, 0.099309821, id="no ties"),
        pytest.param(VIEWS, [7] * 6, 2, 1.711235141, 0.098566367, id="all tied"),
        pytest.param(VIEWS, [[1, 0], [0, 2], [3, 1]] * 2, 2, 1.131648304, 0.098750462, id="two targets"),
        pytest.param(VIEWS[:3], B[:3], 2, 0.290778237, 0.120642416, id="one view"),
        pytest.param([[1, 2, 3]] * 6, A, 2, 1.305588770, 0, id="equal features, ties"),
        pytest.param([[1, 2, 3]] * 6, B, 2, 1.153664199, 0, id="equal features"),
        pytest.param(LINE, [0, 1, 2, 3], 2, 2.198857863, 0.102062073, id="far apart"),
    ],
)
def test_published_vectors(features, labels, temperature, loss, norm):
    found, gradient = loss_and_gradient(features, labels, temperature=temperature)
    assert float(found) == pytest.approx(loss, abs=1e-9)
    assert float(gradient.norm()) == pytest.approx(norm, abs=1e-9)


def test_gradient_rows():
    _, gradient = loss_and_gradient(VIEWS, A)
    expected = [[0.007343074, -0.007099148, -0.010616007], [-0.031798477, -0.016664098, 0.000772157]]
    np.testing.assert_allclose(gradient[:2], expected, atol=1e-9)


def test_equal_features_cost_the_mean_logarithm_of_the_ranks():
    found, _ = loss_and_gradient([[1.0, 2.0]] * 3, [0, 1, 3])
    # |S_ij|: row 0: 2, 1; row 1: 2, 1; row 2: 1, 2
    assert float(found) == pytest.approx(np.log([2, 1, 2, 1, 1, 2]).mean())


@pytest.mark.parametrize("spread", [1, 30, 3_000, 1e5])
@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    labels=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=2, max_size=8),
    tolerance=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    targets=st.sampled_from([1, 2]),
)
def test_loss_and_gradient_equal_the_formula(spread, seed, labels, tolerance, targets):
    generator = torch.Generator().manual_seed(seed)
    rows = spread * torch.randn(len(labels), 3, dtype=torch.float64, generator=generator)
    rows[-1] = rows[0] + 1e-3  # sister views
    known = torch.tensor(labels)[:, :targets]
    literal = rows.clone().requires_grad_()
    literal_loss(literal, known, tolerance=tolerance).backward()
    loss, gradient = loss_and_gradient(rows.tolist(), known, tolerance=tolerance)
    torch.testing.assert_close(loss, literal_loss(rows, known, tolerance=tolerance), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(gradient, literal.grad, rtol=1e-7, atol=1e-9)


def test_gradient_is_that_of_finite_differences_beyond_one_chunk():
    rows = torch.randn(150, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = (torch.arange(75) % 11).repeat(2)
    _, gradient = loss_and_gradient(rows.tolist(), labels)
    direction = torch.randn(150, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    ahead, behind = (rank_n_contrast_loss(rows + step * direction, labels) for step in (1e-5, -1e-5))
    assert float((ahead - behind) / 2e-5) == pytest.approx(float((gradient * direction).sum()), rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_half_and_single_precision_neither_under_nor_overflow(dtype):
    exact, _ = loss_and_gradient(torch.tensor(LINE, dtype=dtype).tolist(), [0, 1, 2, 3])
    found, gradient = loss_and_gradient(LINE, [0, 1, 2, 3], dtype=dtype)
    assert found.dtype == torch.float32 and gradient.dtype == dtype
    assert float(found) == pytest.approx(float(exact), rel=1e-6)


def test_autocast_changes_nothing():
    rows = torch.randn(16, 8)
    plain = rank_n_contrast_loss(rows, torch.arange(16))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(rank_n_contrast_loss(rows, torch.arange(16)), plain)


@pytest.mark.parametrize("gap", [2**-6, 2**-10])
def test_views_a_hair_apart_far_from_the_origin_push_along_their_difference(gap):
    """The Gram matrix of these in float32 has no digit of the gap left."""
    rows, labels = [[4096, 0], [4096 + gap, 0], [4120, 1]], [0, 5, 1]
    _, gradient = loss_and_gradient(rows, labels, dtype=torch.float32)
    exact = torch.tensor(rows, dtype=torch.float64).requires_grad_()
    literal_loss(exact, torch.tensor(labels)[:, None]).backward()
    np.testing.assert_allclose(gradient, exact.grad, rtol=1e-5)
    assert abs(float(gradient[0, 0])) > 0.04


def test_features_that_have_collapsed_but_for_one_are_told_apart():
    """Beside a picture so far away all others are near each other, and taken from their differences."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(30, 4, dtype=torch.float64, generator=generator)
    rows[0] += 1e5
    labels = torch.arange(30) % 7
    literal = rows.clone().requires_grad_()
    literal_loss(literal, labels[:, None]).backward()
    _, gradient = loss_and_gradient(rows.tolist(), labels)
    torch.testing.assert_close(gradient, literal.grad, rtol=1e-7, atol=1e-10)


def test_equal_sisters_do_not_pull():
    loss, gradient = loss_and_gradient([[0, 0], [0, 0], [3, 4], [3, 4]], [0, 0, 1, 1])
    assert torch.isfinite(gradient).all() and float(loss) > 0


def test_views_are_rows_with_the_labels_repeated():
    rows = torch.tensor(VIEWS, dtype=torch.float64)
    two = rank_n_contrast_loss(rows.view(2, 3, 3), torch.tensor(B[:3]))
    assert torch.equal(two, rank_n_contrast_loss(rows, torch.tensor(B)))


def test_order_of_rows_does_not_matter():
    rows, labels = torch.randn(20, 4, dtype=torch.float64), torch.randint(0, 5, (20,))
    turn = torch.randperm(20)
    assert torch.allclose(rank_n_contrast_loss(rows[turn], labels[turn]), rank_n_contrast_loss(rows, labels))


def test_tolerance_ties_what_rounding_parted():
    labels = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)  # .3 − .2 < .2 − .1 in float64
    rows = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64)
    exact = rank_n_contrast_loss(rows, torch.tensor([1, 2, 3]))
    assert not torch.allclose(rank_n_contrast_loss(rows, labels), exact)
    assert torch.allclose(rank_n_contrast_loss(rows, labels, tolerance=1e-9), exact)


def test_a_loss_of_features_that_are_not_numbers_is_not_a_number():
    """The training loop stops on it and saves the batch."""
    assert rank_n_contrast_loss(torch.tensor([[0.0], [torch.nan], [1]]), torch.arange(3)).isnan()


def test_one_process_gathers_itself():
    rows = torch.ones(2, 3)
    assert gather_ranks(rows) is rows


@pytest.mark.parametrize(
    ("features", "labels", "options", "message"),
    [
        ((1, 3), [1.0], {}, "needs 2 rows, and got 1"),
        ((3, 3), [1.0, 2.0], {}, r"\(3, 3\) and labels of shape \(2,\)"),
        ((2, 3, 3), [1.0, 2.0], {}, "do not fit"),
        ((3,), [1.0, 2.0, 3.0], {}, "do not fit"),
        ((3, 3), [1.0, float("nan"), float("inf")], {}, "2 of 3 labels are not finite"),
        ((2, 3), [1.0, 2.0], {"temperature": 0}, "temperature=0"),
        ((2, 3), [1.0, 2.0], {"tolerance": -1}, "tolerance=-1"),
    ],
)
def test_errors(features, labels, options, message):
    with pytest.raises(InputError, match=message):
        rank_n_contrast_loss(torch.zeros(features), torch.tensor(labels), **options)
