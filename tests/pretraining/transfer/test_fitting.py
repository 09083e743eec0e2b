import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import default_collate

from geolivelihood.errors import Cancelled, InputError
from geolivelihood.pretraining.transfer.crops import Crops
from geolivelihood.pretraining.transfer.fitting import Course, CropPictures, fit_network, turned
from geolivelihood.pretraining.transfer.scaling import Scaling
from geolivelihood.pretraining.transfer.scenes import open_scene
from geolivelihood.progress import listening

from .squares import write_raster

COURSE = Course(2, 3, 0.1, 0.0, "adamw", "cosine", "batch", "cpu", 1, "32-true", 0, 0)


class Listener:
    def __init__(self, stop_after=None):
        self.steps, self.stop_after = [], stop_after

    def stage(self, name): ...

    def step(self, done, total, text):
        self.steps.append((done, total, text))

    def cancelled(self):
        return self.stop_after is not None and len(self.steps) > self.stop_after


def no_truth(scene, corner, valid, turn):
    return np.array([turn[0], turn[1], valid.sum()])


@pytest.fixture
def pictures(tmp_path):
    pixels = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)
    scene = open_scene(write_raster(tmp_path / "a.tif", pixels))
    crops = Crops(np.zeros(5, dtype=np.int64), np.array([[0, 0], [4, 0], [0, 4], [4, 4], [6, 6]]))
    scaling = Scaling(0, 1, (0.0,), (1.0,), True)
    return CropPictures([scene], crops, scaling, no_truth, size=4, turns=True, seed=3)


class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(5.0))

    def forward(self, pixels):
        return self.weight * pixels.clamp(0, 1).mean()


def loss(network, batch):
    return (network(torch.ones_like(batch[0])) - 1) ** 2


def test_turns_differ_by_epoch_and_crop_and_are_drawn_again_alike(pictures):
    first = [tuple(pictures[k][1][:2]) for k in range(5)]
    assert first == [tuple(pictures[k][1][:2]) for k in range(5)] and len(set(first)) > 1
    pictures.epoch = 1
    assert first != [tuple(pictures[k][1][:2]) for k in range(5)]


def test_valid_pixels_end_with_the_scene(pictures):
    assert pictures[4][1][2] == 4 and pictures[0][1][2] == 16


def test_quarter_turns_against_the_clock_then_mirrored():
    pixels = np.array([[1, 2], [3, 4]])
    assert turned(pixels, (1, False)).tolist() == [[2, 4], [1, 3]]
    assert turned(pixels, (1, True)).tolist() == [[4, 2], [3, 1]]


def test_a_network_learns_and_reports_its_epochs(pictures):
    network, listener = Mean(), Listener()
    with listening(listener):
        losses = fit_network(network, pictures, COURSE, loss=loss, collate=default_collate, text="learning")
    assert len(losses) == 3 and losses[-1] < losses[0] and not network.training
    assert [step for step in listener.steps if step[2] == "learning"] == [
        (k, 3, "learning") for k in range(4)
    ]


def test_somebody_asks_to_stop(pictures):
    with listening(Listener(stop_after=1)), pytest.raises(Cancelled):
        fit_network(Mean(), pictures, COURSE, loss=loss, collate=default_collate, text="learning")


def test_a_loss_that_is_no_number_stops_the_training(pictures):
    def bad(network, batch):
        return network(batch[0]) * float("nan")

    with pytest.raises(InputError, match="The training diverged: the loss of batch 0 in epoch 0 is nan"):
        fit_network(Mean(), pictures, COURSE, loss=bad, collate=default_collate, text="learning")


def test_the_last_batch_never_has_one_crop_alone(pictures):
    sizes = []

    def counting(network, batch):
        sizes.append(len(batch[0]))
        return loss(network, batch)

    fit_network(Mean(), pictures, COURSE, loss=counting, collate=default_collate, text="learning")
    assert sizes == [2] * 6


def test_too_few_crops_and_options_out_of_range(pictures):
    alone = CropPictures(
        pictures.scenes,
        Crops(np.zeros(1, dtype=np.int64), np.zeros((1, 2), dtype=np.int64)),
        pictures.scaling,
        no_truth,
        size=4,
        turns=False,
        seed=0,
    )
    with pytest.raises(InputError, match="There are 1 crops in batches of 2"):
        fit_network(Mean(), alone, COURSE, loss=loss, collate=default_collate, text="learning")
    with pytest.raises(
        InputError, match="max_epochs=0 is below 1; learning_rate=-1 is not above 0; optimiser='sgd'"
    ):
        COURSE._replace(max_epochs=0, learning_rate=-1, optimiser="sgd").check()
