"""Two processes with gloo are one process with their batches together: losses, queue, weights, statistics."""

import numpy as np
import pytest
import torch
from torch import distributed, nn
from torch.multiprocessing import spawn

from geolivelihood.pretraining.moco import Encoder, MoCo
from geolivelihood.pretraining.queue import Origin
from geolivelihood.pretraining.split_norm import average_statistics, gathered, key_order, processes, routed

STEPS, BATCH, PLACES = 20, 8, 20
VARIANTS = ("plain", "symmetric")


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(2, 6, 3, 2, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 8, 3)
        )

    def forward(self, pictures):
        return self.layers(pictures).mean(dim=(2, 3))


def model(symmetric):
    torch.manual_seed(0)
    encoder = Encoder.of(Tiny().double(), size=9, bands=2, dim=6).double()
    queue_size = 32 if symmetric else 24
    built = MoCo(
        encoder,
        dim=6,
        queue_size=queue_size,
        momentum=0.9,
        temperature=0.1,
        symmetric=symmetric,
        classes=(3, 5),
    )
    return built.double()


def batch(step):
    generator = torch.Generator().manual_seed(step)
    pictures = [torch.randn(BATCH, 2, 9, 9, dtype=torch.float64, generator=generator) for _ in range(2)]
    position = torch.randperm(PLACES, generator=generator)[:BATCH]
    labels = torch.randint(3, (BATCH, 2), generator=generator)
    return pictures, position, labels


def trained(symmetric):
    """Train as one of however many processes there are: losses, state, and what the queue holds."""
    rank, world = processes()
    moco = model(symmetric)
    moco.share_norm(2 // world)
    step_of = moco
    if world > 1:
        step_of = nn.parallel.DistributedDataParallel(moco, broadcast_buffers=False)
    parameters = [p for p in moco.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(parameters, 0.05, momentum=0.9)
    origin = Origin.of(PLACES, places=np.arange(PLACES))
    share = slice(rank * BATCH // world, (rank + 1) * BATCH // world)
    losses = []
    for step in range(STEPS):
        pictures, position, labels = batch(step)
        where = origin.at(gathered(position[share]))
        done = step_of(
            *(view[share] for view in pictures),
            query_origin=where,
            key_origin=where,
            geo=labels[share],
            step=step,
        )
        optimiser.zero_grad()
        done.loss.backward()
        moco.queue.enqueue(done.keys, done.origin)
        optimiser.step()
        losses.append(gathered(done.loss.detach()[None]).mean().item())
    average_statistics(moco)
    return {"losses": losses, "state": moco.state_dict()}


def process(rank, world, folder):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=world)
    try:
        values = torch.arange(rank * 4, rank * 4 + 4, dtype=torch.float64)[:, None]
        order = key_order(8, seed=3, step=1)
        mine = routed(values, order)
        found = {"routed": mine[:, 0], "back": gathered(mine, order)[:, 0]}
        found |= {name: trained(name == "symmetric") for name in VARIANTS}
        torch.save(found, f"{folder}/{rank}.pt")
    finally:
        distributed.destroy_process_group()


# Slow: two processes, each loading PyTorch.
@pytest.mark.slow
def test_two_processes_are_one(tmp_path):
    spawn(process, args=(2, str(tmp_path)), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    order = key_order(8, seed=3, step=1)
    assert torch.cat([first["routed"], second["routed"]]).equal(order.double())
    assert first["back"].tolist() == list(range(8))
    for variant in VARIANTS:
        alone = trained(variant == "symmetric")
        for other in (first[variant], second[variant]):
            assert other["losses"] == pytest.approx(alone["losses"], abs=1e-9)
            for name, value in alone["state"].items():
                told = f"{variant}: {name}"
                torch.testing.assert_close(
                    other["state"][name], value, atol=1e-9, rtol=0, equal_nan=True, msg=told
                )
        queue = alone["state"]["queue.place"]
        assert queue.ge(0).all() and first[variant]["state"]["queue.place"].equal(queue)


def test_the_split_matters():
    """Without groups the losses would be others: what the comparison above compares is not empty."""
    groups = trained(False)["losses"]
    moco = model(False)
    moco.share_norm(1)
    pictures, position, labels = batch(0)
    where = Origin.of(PLACES, places=np.arange(PLACES)).at(position)
    done = moco(*pictures, query_origin=where, key_origin=where, geo=labels)
    assert abs(done.loss.item() - groups[0]) > 1e-4
