from __future__ import annotations

import pytest
import torch
from torch import nn

from geolivelihood.errors import InputError
from geolivelihood.pretraining.schedules import Optimisation


def rates(optimisation, *, epochs, steps=1):
    """The learning rate before each change, as torch's optimiser has it."""
    made = optimisation.configure([nn.Parameter(torch.zeros(1))], epochs=epochs, steps_per_epoch=steps)
    optimiser, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    found = []
    for _ in range(epochs * (steps if optimisation.per == "step" else 1)):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return found


def test_cosine_of_the_paper():
    found = rates(Optimisation(), epochs=200)
    expected = [0.03, 0.029998149, 0.025606602, 0.015, 1.850513e-6]
    assert [found[e] for e in (0, 1, 50, 100, 199)] == pytest.approx(expected, rel=1e-6)
    assert Optimisation().rate(50, epochs=200) == pytest.approx(0.025606602, rel=1e-7)


def test_steps_of_the_paper():
    found = rates(Optimisation(schedule="step", milestones=(120, 160)), epochs=200)
    assert [found[e] for e in (119, 120, 159, 160)] == pytest.approx([0.03, 0.003, 0.003, 0.0003])


def test_rank_n_contrast_of_agedb():
    optimisation = Optimisation(learning_rate=0.5, final_share=0.1**3)
    found = rates(optimisation, epochs=400)
    assert found[0] == pytest.approx(0.5)
    assert found[200] == pytest.approx((0.5 + 0.0005) / 2)
    assert optimisation.rate(400, epochs=400) == pytest.approx(0.0005)


def test_exponential_of_the_probe():
    found = rates(Optimisation("adamw", 5e-3, schedule="exponential", weight_decay=0.0), epochs=3)
    assert found == pytest.approx([5e-3, 5e-3 * 0.95, 5e-3 * 0.95**2])


def test_constant_has_no_schedule():
    made = Optimisation(schedule="constant").configure(
        [nn.Parameter(torch.zeros(1))], epochs=2, steps_per_epoch=2
    )
    assert "lr_scheduler" not in made


def test_cosine_per_step_meets_the_epochs():
    per_epoch = rates(Optimisation(), epochs=5)
    per_step = rates(Optimisation(per="step"), epochs=5, steps=4)
    assert per_step[::4] == pytest.approx(per_epoch)
    assert sorted(per_step, reverse=True) == per_step


def test_warm_up_rises_and_then_the_cosine_covers_the_rest():
    found = rates(Optimisation(learning_rate=1.0, warmup_epochs=4), epochs=12)
    assert found[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert found[8] == pytest.approx(0.5)
    per_step = rates(Optimisation(learning_rate=1.0, warmup_epochs=1, per="step"), epochs=2, steps=4)
    assert per_step[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])


def test_optimisers_and_their_options():
    weight = [nn.Parameter(torch.zeros(1))]
    sgd = Optimisation(momentum=0.8, weight_decay=0.1).configure(weight, epochs=1, steps_per_epoch=1)
    group = sgd["optimizer"].param_groups[0]
    assert isinstance(sgd["optimizer"], torch.optim.SGD)
    assert (group["momentum"], group["weight_decay"]) == (0.8, 0.1)
    assert group["foreach"] and not group["fused"]
    adamw = Optimisation("adamw", 5e-4).configure(weight, epochs=1, steps_per_epoch=1)
    assert isinstance(adamw["optimizer"], torch.optim.AdamW)


def test_groups_of_parameters_keep_their_own_options():
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "weight_decay": 0.0}]
    made = Optimisation(weight_decay=0.1).configure(groups, epochs=1, steps_per_epoch=1)
    assert made["optimizer"].param_groups[0]["weight_decay"] == 0.0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.gpu
def test_fused_on_a_gpu():
    weight = [nn.Parameter(torch.zeros(1, device="cuda"))]
    made = Optimisation().configure(weight, epochs=1, steps_per_epoch=1)
    assert made["optimizer"].param_groups[0]["fused"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"optimiser": "lars"}, "choose 'sgd' or 'adamw'"),
        ({"schedule": "linear"}, "choose 'cosine'"),
        ({"per": "batch"}, "choose 'epoch' or 'step'"),
        ({"learning_rate": 0.0}, "above 0"),
        ({"learning_rate": float("nan")}, "above 0"),
        ({"momentum": 1.0}, r"momentum lies in \[0, 1\)"),
        ({"warmup_epochs": -1}, "0 or more"),
        ({"final_share": 2.0}, "from 0 to 1"),
    ],
)
def test_options_are_checked(options, said):
    with pytest.raises(InputError, match=said):
        Optimisation(**options)
