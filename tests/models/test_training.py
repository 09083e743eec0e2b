from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from torch import nn

from geolivelihood.errors import Cancelled, EnvironmentMissingError, InputError
from geolivelihood.models.training import (
    TargetScale,
    holdout,
    network_arrays,
    restore_network,
    seeded,
    single_thread,
    train,
    use_device,
)
from geolivelihood.progress import listening


class Fixed:
    """The same batches every epoch."""

    def __init__(self, *batches):
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        return iter(self.batches)


class Listener:
    def __init__(self, stop_after=10**9):
        self.steps, self.asked, self.stop_after = [], 0, stop_after

    def stage(self, name):
        pass

    def step(self, done, total, text):
        self.steps.append((done, total, text))

    def cancelled(self):
        self.asked += 1
        return self.asked > self.stop_after


def squared(predicted, target):
    return (predicted[:, 0] - target) ** 2


@pytest.fixture
def line():
    x = torch.linspace(-1, 1, 40)[:, None]
    return Fixed(((x,), 3 * x[:, 0], torch.ones(40)))


OPTIONS = {"loss": squared, "learning_rate": 0.1, "weight_decay": 0.0, "text": "training", "device": "cpu"}


def test_training_fits_a_line_and_keeps_the_best_weights(line):
    with seeded(0):
        network = nn.Linear(1, 1)
        history = train(network, line, line, max_epochs=150, patience=150, **OPTIONS)
    assert network.weight.item() == pytest.approx(3, abs=0.05)
    inputs, target, _ = line.batches[0]
    now = squared(network(*inputs), target).mean().item()
    assert now == pytest.approx(min(history.validation_loss), rel=1e-4)
    assert history.best_epoch == int(np.argmin(history.validation_loss))
    assert not network.training


def test_training_stops_early_and_can_keep_the_start(line):
    network = nn.Linear(1, 1)
    with torch.no_grad():
        network.weight.fill_(-3.0)
        network.bias.fill_(0.0)
    inputs, target, weight = line.batches[0]
    against = Fixed((inputs, -target, weight))
    history = train(network, line, against, max_epochs=50, patience=4, **OPTIONS)
    assert history.best_epoch == 0
    assert len(history.validation_loss) == 5
    assert network.weight.item() == -3.0


def test_progress_reports_every_epoch(line):
    with listening(Listener()) as listener:
        train(nn.Linear(1, 1), line, line, max_epochs=3, patience=3, **OPTIONS)
    assert listener.steps == [(n, 3, "training") for n in range(4)]


def test_cancelling_stops_at_once_and_says_so(line):
    with listening(Listener(stop_after=5)) as listener, pytest.raises(Cancelled):
        train(nn.Linear(1, 1), line, line, max_epochs=1000, patience=1000, **OPTIONS)
    assert len(listener.steps) < 6


def test_training_is_quiet(line, capfd, recwarn, caplog):
    with caplog.at_level(logging.INFO):
        train(nn.Linear(1, 1), line, line, max_epochs=1, patience=1, **OPTIONS)
    out, err = capfd.readouterr()
    assert out + err == ""
    assert not [w for w in recwarn if "lightning" in str(w.filename)]
    assert caplog.records == []


def test_diverging_is_an_error_not_a_result():
    bad = Fixed(((torch.full((4, 1), float("inf")),), torch.zeros(4), torch.ones(4)))
    with pytest.raises(InputError, match="diverged"):
        train(nn.Linear(1, 1), bad, bad, max_epochs=2, patience=2, **OPTIONS)
    with pytest.raises(InputError, match="max_epochs and patience"):
        train(nn.Linear(1, 1), bad, bad, max_epochs=0, patience=2, **OPTIONS)


def test_seeded_repeats_and_leaves_the_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    with seeded(1):
        first = torch.rand(3)
    with seeded(1):
        assert torch.equal(first, torch.rand(3))
    assert torch.equal(expected, torch.rand(1))


def test_single_thread_gives_the_threads_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(KeyError), single_thread():
            assert torch.get_num_threads() == 1
            raise KeyError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_holdout_parts_are_disjoint_and_keep_groups_whole():
    fit, held = holdout(100, share=0.2, seed=0)
    assert sorted([*fit, *held]) == list(range(100))
    assert len(held) == 20
    groups = np.repeat(np.arange(10), 10)
    fit, held = holdout(100, share=0.3, seed=0, groups=groups)
    assert not set(groups[fit]) & set(groups[held])
    assert len(held) == 30


def test_holdout_of_few_rows_uses_all_and_checks_its_options():
    fit, held = holdout(4, share=0.2, seed=0)
    assert fit.tolist() == held.tolist() == [0, 1, 2, 3]
    with pytest.raises(InputError, match="validation_share"):
        holdout(100, share=1.0, seed=0)
    with pytest.raises(InputError, match="groups"):
        holdout(100, share=0.5, seed=0, groups=[1, 2])


def test_target_scale_there_and_back():
    y = np.array([1.0, 2.0, 6.0])
    scale = TargetScale.of(y, weights=np.array([1.0, 1.0, 0.0]))
    assert scale == (1.5, 0.5)
    np.testing.assert_allclose(scale.restore(scale.standardise(y)), y)
    assert TargetScale.of(np.full(4, 0.1)).scale == 1.0


def test_devices():
    assert use_device("cpu") == torch.device("cpu")
    with pytest.raises(InputError, match="'tpu'"):
        use_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(EnvironmentMissingError, match="CUDA"):
            use_device("cuda")


def test_saved_weights_must_fit():
    network = nn.Linear(2, 1)
    arrays = network_arrays(network)
    other = nn.Linear(2, 1)
    restore_network(other, arrays | {"something_else": np.zeros(1)})
    assert torch.equal(network.weight, other.weight)
    with pytest.raises(InputError, match="weight"):
        restore_network(nn.Linear(3, 1), arrays)


def test_several_targets_are_scaled_each_over_its_known_rows():
    y = np.array([[1.0, 7.0], [3.0, np.nan], [8.0, 7.0]])
    weights = np.array([1.0, 1.0, 2.0])
    scale = TargetScale.of(y, weights=weights)
    alone = TargetScale.of(y[:, 0], weights=weights)
    np.testing.assert_allclose([scale.mean, scale.scale], [[alone.mean, 7], [alone.scale, 1]])
    np.testing.assert_allclose(scale.restore(scale.standardise(y)), y)
    again = TargetScale.restored([list(values) for values in scale])
    np.testing.assert_array_equal(again.standardise(y), scale.standardise(y))
    assert TargetScale.restored([2, 3]) == TargetScale(2.0, 3.0)
    with pytest.raises(InputError, match="no known value"):
        TargetScale.of(y, weights=np.array([0.0, 1.0, 0.0]))
